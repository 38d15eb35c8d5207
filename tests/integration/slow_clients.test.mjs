// SPDX-License-Identifier: Apache-2.0
// Ten thousand clients that dribble a request while others send theirs. The latencies of both are
// told, with and without them; only what does not depend on the machine is asserted.
import assert from 'node:assert/strict';
import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {readdir} from 'node:fs/promises';
import readline from 'node:readline';
import test from 'node:test';
import {fileURLToPath} from 'node:url';

import {byHeader, register} from './lib/github.mjs';
import * as scratch from './lib/scratch.mjs';
import {until, within} from './lib/wait.mjs';

const COUNT = Number(process.env.SLOW_CLIENTS ?? 10_000);
const SECONDS = Number(process.env.SLOW_SECONDS ?? 20);  // longer than head and body may take
const PER_SECOND = 200;
const MIB = 1024 * 1024;
const SLOW = fileURLToPath(new URL('./lib/slow_clients.mjs', import.meta.url));
const BODY = JSON.stringify({ref: 'refs/heads/main', fill: 'x'.repeat(7000)});

// Requests at a steady rate for so long; their latencies in ms, sorted.
async function latencies(http, link, seconds) {
  const headers = {'content-type': 'application/json', 'x-github-event': 'push'};
  const taken = [];
  const under_way = [];
  const begin = performance.now();
  for (let i = 0; i < seconds * PER_SECOND; ++i) {
    const due = begin + i * 1000 / PER_SECOND;
    while (performance.now() < due) await new Promise((resolve) => setTimeout(resolve, 1));
    const sent = performance.now();
    under_way.push(http.send('POST', link, BODY, headers).then((answer) => {
      assert.equal(answer.status, 200);
      taken.push(performance.now() - sent);
    }));
  }
  await Promise.all(under_way);
  return taken.sort((a, b) => a - b);
}

const at = (sorted, part) => sorted[Math.floor(part * (sorted.length - 1))].toFixed(2);
const told = (sorted) => `p50 ${at(sorted, 0.5)} p99 ${at(sorted, 0.99)} max ${at(sorted, 1)} ms`;

async function descriptors(daemon) {
  return (await readdir(`/proc/${daemon.pid}/fd`)).length;
}

test(`${COUNT} slow clients harm nobody, and leave nothing behind`, async (t) => {
  const room = String(COUNT + 500);
  const daemon = await scratch.daemon(
      t, {args: ['--connections', room, '--connections-per-client', room, '--shards', '1']});
  const sink = await scratch.sink(t, {keep: () => ({})});
  const {link} = await register(daemon.api, {events: [byHeader('push')], url: sink.url});
  const http = scratch.client(t, {connections: 16});
  await latencies(http, link, 3);  // warm
  const alone = await latencies(http, link, SECONDS);
  const before = {fds: await descriptors(daemon), memory: await daemon.memory('VmRSS')};

  const slow = spawn(
      process.execPath, [SLOW, daemon.ingestAddress, new URL(link).pathname, String(COUNT)],
      {stdio: ['pipe', 'pipe', 'inherit']});
  scratch.atEnd(t, () => slow.kill('SIGKILL'));
  const lines = readline.createInterface({input: slow.stdout});
  const [ready] = await within(120, 'the slow clients connect', once(lines, 'line'));
  assert.equal(ready, 'ready');
  const beside = await latencies(http, link, SECONDS);
  const during = {fds: await descriptors(daemon), memory: await daemon.memory('VmRSS')};
  assert.ok(during.fds > COUNT / 2, `they are there: ${during.fds}`);

  slow.stdin.end();
  const [summary] = await within(30, 'the slow clients end', once(lines, 'line'));
  assert.ok(JSON.parse(summary).refused > 0, 'their time was up');
  await until(
      async () => (await descriptors(daemon)) <= before.fds + 16,
      {what: 'the descriptors are given back'});
  const after = {fds: await descriptors(daemon), memory: await daemon.memory('VmRSS')};
  t.diagnostic(`alone:  ${told(alone)}`);
  t.diagnostic(`beside: ${told(beside)} (p99 x${(at(beside, 0.99) / at(alone, 0.99)).toFixed(2)})`);
  const mib = ({fds, memory}) => `${fds} descriptors, ${(memory / MIB).toFixed(0)} MiB`;
  t.diagnostic(`before: ${mib(before)}; during: ${mib(during)}; after: ${mib(after)}; ${summary}`);
  assert.ok(after.memory < before.memory + 48 * MIB, `${mib(before)} became ${mib(after)}`);
});
