// SPDX-License-Identifier: Apache-2.0
// Ten thousand clients that dribble a request while others send theirs, in waves: each phase with
// them is compared with those before and behind it. The latencies and what the machine's own noise
// is are told; asserted is only what does not depend on the machine, unless SLOW_P99_FACTOR says
// how much later the 99th percentile of the others may be (2 is demanded, on a quiet machine).
import assert from 'node:assert/strict';
import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {readdir, readFile} from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import test from 'node:test';

import {BINARY} from './lib/daemon.mjs';
import {byHeader, register} from './lib/github.mjs';
import * as scratch from './lib/scratch.mjs';
import {until, within} from './lib/wait.mjs';

const COUNT = Number(process.env.SLOW_CLIENTS ?? 10_000);
const SECONDS = Number(process.env.SLOW_SECONDS ?? 12);  // longer than a head may take
// By default all come within the time that a body has at first, and so come back as evenly.
const ARRIVAL_MS = Number(process.env.SLOW_ARRIVAL_MS ?? 5000);
const WAVES = Number(process.env.SLOW_WAVES ?? 1);
const FACTOR_MAX = Number(process.env.SLOW_P99_FACTOR ?? Infinity);
const PER_SECOND = 200;
const MIB = 1024 * 1024;
const SLOW = path.join(path.dirname(BINARY), '../tests/integration/slow_clients');
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

const at = (sorted, part) => sorted[Math.floor(part * (sorted.length - 1))];
const p99 = (phase) => at(phase.sorted, 0.99);
const mean = (a, b) => (a + b) / 2;

function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  return mean(sorted[Math.floor((sorted.length - 1) / 2)], sorted[Math.ceil((sorted.length - 1) / 2)]);
}

async function descriptors(daemon) {
  return (await readdir(`/proc/${daemon.pid}/fd`)).length;
}

// What a process has used of the processors so far, in seconds.
async function processorSeconds(pid) {
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

// A phase of traffic: its latencies, and what the daemon had and used meanwhile.
async function measure(t, name, {daemon, http, link}) {
  const used = await processorSeconds(daemon.pid);
  const sorted = await latencies(http, link, SECONDS);
  const phase = {
    sorted,
    used: await processorSeconds(daemon.pid) - used,
    fds: await descriptors(daemon),
    memory: await daemon.memory('VmRSS'),
  };
  const [p50, last, max] = [0.5, 0.99, 1].map((part) => at(sorted, part).toFixed(2));
  t.diagnostic(
      `${name}: p50 ${p50} p99 ${last} max ${max} ms, daemon ${phase.used.toFixed(1)} CPU s, ` +
      `${phase.fds} descriptors, ${(phase.memory / MIB).toFixed(0)} MiB, ` +
      `load ${os.loadavg()[0].toFixed(1)}`);
  return phase;
}

// A phase beside slow clients, who have gone again when it is over.
async function wave(t, rig, descriptors_before) {
  const {daemon, link} = rig;
  const slow = spawn(
      SLOW, [daemon.ingestAddress, new URL(link).pathname, String(COUNT), String(ARRIVAL_MS)],
      {stdio: ['pipe', 'pipe', 'inherit']});
  scratch.atEnd(t, () => slow.kill('SIGKILL'));
  const lines = readline.createInterface({input: slow.stdout});
  const [ready] = await within(120, 'the slow clients connect', once(lines, 'line'));
  assert.equal(ready, 'ready');
  const phase = await measure(t, 'beside', rig);
  assert.ok(phase.fds > COUNT / 2, `they are there: ${phase.fds}`);
  slow.stdin.end();
  const [summary] = await within(30, 'the slow clients end', once(lines, 'line'));
  t.diagnostic(`slow clients: ${summary}`);
  assert.ok(JSON.parse(summary).refused > 0, 'their time was up');
  await until(
      async () => (await descriptors(daemon)) <= descriptors_before + 16,
      {what: 'the descriptors are given back'});
  return phase;
}

test(`${COUNT} slow clients harm nobody, and leave nothing behind`, async (t) => {
  const room = String(COUNT + 500);
  const daemon = await scratch.daemon(
      t, {args: ['--connections', room, '--connections-per-client', room, '--shards', '1']});
  const sink = await scratch.sink(t, {keep: () => ({})});
  const {link} = await register(daemon.api, {events: [byHeader('push')], url: sink.url});
  const rig = {daemon, link, http: scratch.client(t, {connections: 16})};
  await latencies(rig.http, link, 3);  // warm
  const alone = [await measure(t, 'alone', rig)];
  const beside = [];
  for (let i = 0; i < WAVES; ++i) {
    beside.push(await wave(t, rig, alone[0].fds));
    alone.push(await measure(t, 'alone', rig));
  }
  const factors = beside.map((phase, i) => p99(phase) / mean(p99(alone[i]), p99(alone[i + 1])));
  const noise = Math.max(...alone.map(p99)) / Math.min(...alone.map(p99));
  t.diagnostic(
      `p99 beside them: ${factors.map((factor) => `x${factor.toFixed(2)}`).join(' ')}; ` +
      `without them it differs by x${noise.toFixed(2)}`);
  assert.ok(median(factors) <= FACTOR_MAX, `${factors} is more than ${FACTOR_MAX}`);

  const [before, ...after] = alone.map(({memory}) => Math.round(memory / MIB));
  assert.ok(after[0] < before + 16, `${before} MiB became ${after[0]} MiB`);
  for (const each of after) assert.ok(each <= after[0] + 8, `waves add up: ${after} MiB`);
});
