// SPDX-License-Identifier: Apache-2.0
// headrace bench sink as node's HTTP client sees it.
import assert from 'node:assert/strict';
import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import test from 'node:test';

import {bench, post, startSink} from './lib/bench_ledger.mjs';

test('a script says what each endpoint does, and counts are shown at the end', async (t) => {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'sink-'));
  t.after(() => rm(dir, {recursive: true}));
  const file = path.join(dir, 'script.json');
  await writeFile(file, JSON.stringify({
    endpoints: 4,
    rules: [
      {from: 1, to: 1, answers: [{status: 410}]},
      {from: 2, to: 2, answers: [{fault: 'reset'}]},
      {from: 3, to: 3, answers: [{fault: 'wrong_length'}]},
    ],
  }));
  const sink = await startSink('--script', file);
  const statuses = [];
  for (const at of [0, 1, 2, 3, 4]) statuses.push(await post(`${sink.urls[0]}/${at}`, 'x'));
  assert.deepEqual(statuses, [200, 410, 'ECONNRESET', 'ECONNRESET', 404]);
  const {code, counts} = await sink.stop('SIGINT');
  assert.equal(code, 0);
  assert.equal(counts.requests, 5);
  assert.deepEqual(counts.answered, {200: 1, 404: 1, 410: 1});
  assert.equal(counts.faults.reset, 1);
});

test('an endpoint may have a port of its own', async () => {
  const sink = await startSink('--endpoints', '3', '--ports');
  assert.equal(new Set(sink.urls).size, 3);
  for (const url of sink.urls) assert.equal(await post(url, 'x'), 200);
  assert.equal((await sink.stop()).counts.connections, 3);
});

test('a script that is wrong is refused by name', async (t) => {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'sink-'));
  t.after(() => rm(dir, {recursive: true}));
  const file = path.join(dir, 'script.json');
  await writeFile(file, '{"endpoints": -1}');
  const {status, stderr} = bench('sink', '--script', file);
  assert.equal(status, 3);
  assert.match(stderr, /\/endpoints must be a number from 1/);
});
