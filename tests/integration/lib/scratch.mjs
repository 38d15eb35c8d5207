// SPDX-License-Identifier: Apache-2.0
// What a test uses and leaves no trace of: all of it ends with the test, the newest first.
import {mkdtemp, rm} from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';

import {Daemon} from './daemon.mjs';
import {Client} from './http.mjs';
import {Sink} from './sink.mjs';

const endings = new WeakMap();  // of each test: what to do at its end

export function atEnd(t, end) {
  if (!endings.has(t)) {
    const stack = [];
    endings.set(t, stack);
    t.after(async () => {
      while (stack.length > 0) await stack.pop()();
    });
  }
  endings.get(t).push(end);
}

// A fresh folder.
export async function folder(t) {
  const made = await mkdtemp(path.join(os.tmpdir(), 'headrace-test-'));
  atEnd(t, () => rm(made, {recursive: true, force: true}));
  return made;
}

// A daemon on fresh data, or on `options.data`; killed at the end if it still runs.
export async function daemon(t, options = {}) {
  const data = options.data ?? await folder(t);
  const started = await Daemon.start({...options, data});
  atEnd(t, () => started.kill());
  return started;
}

export async function sink(t, options = {}) {
  const started = await Sink.start(options);
  atEnd(t, () => started.close());
  return started;
}

export function client(t, options = {}) {
  const made = new Client(options);
  atEnd(t, () => made.close());
  return made;
}
