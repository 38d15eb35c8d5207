// SPDX-License-Identifier: Apache-2.0
// headrace bench verify over the ledgers of a real sink, with and without faults between.
import assert from 'node:assert/strict';
import {spawnSync} from 'node:child_process';
import {appendFile, mkdtemp, readdir, rm, stat} from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import test from 'node:test';
import {setImmediate} from 'node:timers/promises';

import {bench, post, startSink} from './lib/bench_ledger.mjs';

const RUN = '00000000000000ab';
const PROBE =
    path.join(path.dirname(process.env.HEADRACE_BINARY), '../tests/integration/ledger_probe');

// Twenty messages that a load sent and that were accepted; what the sink gets is `deliver`'s.
async function verified(t, deliver, {flags = [], signal = 'SIGTERM', before = async () => {}} = {}) {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'verify-'));
  t.after(() => rm(dir, {recursive: true}));
  const sink = await startSink('--ledger', dir);
  const send = (number, body = `body${number}`) =>
      post(`${sink.urls[0]}/0`, body, {'Bench-Message': `${RUN}-${number}`});
  for (let number = 0; number < 20; ++number) await deliver(number, send);
  if (signal === 'SIGKILL') {
    // What was noted is written by the sink's own time, and until then it may not be killed.
    const [name] = await readdir(dir);
    while ((await stat(path.join(dir, name))).size < 64 + 20 * 40) await setImmediate();
  }
  await sink.stop(signal);
  const lines = [];
  for (let number = 0; number < 20; ++number)
    lines.push(`1 ${number} ${number} 0 body${number}`, `2 ${number} ${number + 1} 202 body${number}`);
  assert.equal(spawnSync(PROBE, [dir, RUN], {input: lines.join('\n')}).status, 0);
  await before(dir);
  const {status, stdout} = bench('verify', dir, '--json', ...flags);
  return {status, report: JSON.parse(stdout)};
}

test('all is well when each message came once', async (t) => {
  const {status, report} = await verified(t, (number, send) => send(number));
  assert.equal(status, 0);
  assert.equal(report.ok, true);
  assert.equal(report.accepted, 20);
  assert.equal(report.delivered, 20);
});

test('what is dropped, altered or never sent is exit code 7', async (t) => {
  const {status, report} = await verified(t, async (number, send) => {
    if (number === 7) return;
    await send(number, number === 8 ? 'Body8' : undefined);
    if (number === 9) await send(99);
  });
  assert.equal(status, 7);
  assert.deepEqual(report.breaches, ['lost', 'altered', 'unaccepted']);
  assert.deepEqual(
      report.examples,
      {lost: [`${RUN}-7`], altered: [`${RUN}-8`], unaccepted: [`${RUN}-99`]});
});

test('a duplicate is a breach when it is said to be', async (t) => {
  const twice = async (number, send) => {
    await send(number);
    if (number === 3) await send(number);
  };
  const allowed = await verified(t, twice);
  assert.equal(allowed.status, 0);
  assert.equal(allowed.report.duplicated, 1);
  assert.equal((await verified(t, twice, {flags: ['--no-duplicates']})).status, 7);
});

test('a torn record behind a killed sink is cut', async (t) => {
  const {report} = await verified(t, (number, send) => send(number), {
    signal: 'SIGKILL',
    before: async (dir) => {
      const [name] = (await readdir(dir)).filter((file) => file.startsWith('sink-'));
      await appendFile(path.join(dir, name), Buffer.alloc(17, 1));
    },
  });
  assert.equal(report.delivered, 20);
  assert.equal(report.unclosed_ledgers, 1);
  assert.equal(report.ledger_bytes_cut, 17);
});

test('without ledgers there is nothing to say', () => {
  assert.equal(bench('verify', '/nonexistent').status, 3);
});
