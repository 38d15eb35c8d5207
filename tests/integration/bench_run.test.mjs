// SPDX-License-Identifier: Apache-2.0
// headrace bench run: each scenario by one command, its result as docs/bench-result.schema.json says,
// and nothing left behind.
import assert from 'node:assert/strict';
import {readdir, readFile, writeFile} from 'node:fs/promises';
import {createRequire} from 'node:module';
import path from 'node:path';
import test from 'node:test';
import {fileURLToPath} from 'node:url';

import {play, result, start} from './lib/bench_run.mjs';
import {run} from './lib/daemon.mjs';
import * as scratch from './lib/scratch.mjs';
import {until} from './lib/wait.mjs';

const SHORT = ['--duration', '1s', '--warmup', '200ms'];
// At rates that a sanitizer build carries, late messages are no fault of what is tested here.
const PATIENT = ['--load-flag=--lag-max', '--load-flag=100'];
const CALM = ['--rate', '100', ...PATIENT];

const GITHUB =
    createRequire(import.meta.url).resolve('@octokit/webhooks-examples/api.github.com/index.json');

// The processes that have `folder` among their arguments, as those of a run below it do.
async function processesOf(folder) {
  const found = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (command.split('\0').slice(1).some((each) => each.startsWith(`${folder}/`)))
      found.push(Number(pid));
  }
  return found;
}

async function assertNothingIsLeft(folder) {
  await until(async () => (await processesOf(folder)).length === 0, {what: 'processes are left'});
  assert.deepEqual(await readdir(folder), []);
}

test('dispatch: what was accepted is delivered, on record, and counted the same by all', async (t) => {
  const {code, result: said, folder} = await result(t, 'run', 'dispatch', ...SHORT);
  assert.equal(code, 0, said.invalid_because.join());
  assert.equal(said.scenario, 'dispatch');
  assert.equal(said.valid, true);
  const {measured, verify, load, configuration} = said;
  assert.ok(measured.events > 0);
  assert.equal(measured.deliveries, measured.events);
  assert.equal(measured.deliveries_counted, measured.events);
  assert.equal(measured.accept.count, measured.events);
  assert.equal(measured.e2e.count, measured.events);
  assert.equal(load.statuses['200'], measured.events);
  assert.ok(verify.accepted > measured.events, 'the warm-up is verified, too');
  assert.equal(verify.lost, 0);
  assert.equal(configuration.closed, true);
  assert.equal(configuration.signing, 'none');
  assert.equal(configuration.body_bytes, 7168);
  assert.ok(measured.bytes_written > measured.events * 7168, 'each body is on disk');
  const threads = Object.entries(measured.cpu_us_per_event_by_thread);
  const sum = threads.reduce((total, [, us]) => total + us, 0);
  for (const name of ['hr-ingest-0', 'hr-shard-0', 'hr-store'])
    assert.ok(measured.cpu_us_per_event_by_thread[name] > 0, name);
  assert.ok(Math.abs(sum - measured.cpu_us_per_event) < measured.cpu_us_per_event / 4);
  await assertNothingIsLeft(folder);
});

test('dispatch with slow senders beside: what they send is accounted for', async (t) => {
  const slow = ['--slow=20', '--slow-bytes=1000', '--slow-every=20ms'].map((flag) => `--load-flag=${flag}`);
  const {code, result: said} = await result(t, 'run', 'dispatch', ...SHORT, ...CALM, ...slow);
  assert.equal(code, 0, said.invalid_because.join());
  const {measured, verify, load} = said;
  assert.equal(load.slow_clients.count, 20);
  assert.ok(load.slow_clients.accepted > 0);
  assert.equal(measured.accept.count, load.statuses['200'], 'of the measured ones only');
  assert.equal(measured.e2e.count, load.statuses['200']);
  assert.equal(measured.events, load.statuses['200'] + load.slow_clients.accepted);
  assert.equal(measured.deliveries, measured.events);
  assert.equal(verify.unaccepted, 0);
  assert.equal(verify.lost, 0);
});

test('accept: nobody wants the messages, and they are durable', async (t) => {
  const {code, result: said} =
      await result(t, 'run', 'accept', ...SHORT, ...CALM, '--durability', 'os');
  assert.equal(code, 0, said.invalid_because.join());
  assert.equal(said.measured.events, 100);
  assert.equal(said.measured.deliveries, 0);
  assert.equal(said.measured.e2e, null);
  assert.equal(said.measured.cpu_us_per_delivery, null);
  assert.equal(said.verify.accepted, said.load.statuses['200'] + 20, 'the warm-up is verified, too');
  assert.equal(said.verify.delivered, null);
  assert.equal(said.configuration.durability, 'os');
});

test('fanout: each message reaches each endpoint', async (t) => {
  const {code, result: said} = await result(
      t, 'run', 'fanout', ...SHORT, '--rate', '20', '--endpoints', '10', ...PATIENT);
  assert.equal(code, 0, said.invalid_because.join());
  assert.equal(said.measured.events, 20);
  assert.equal(said.measured.deliveries, 200);
});

test('backlog: what waits is drained when the endpoint is there', async (t) => {
  const {code, result: said} = await result(t, 'run', 'backlog', '--messages', '500');
  assert.equal(code, 0, said.invalid_because.join());
  assert.equal(said.measured.events, 500);
  assert.equal(said.measured.deliveries, 500);
  assert.ok(said.measured.bytes_written < 500 * 7168, 'what was accepted before is not counted');
});

test('noisy: bad endpoints are beside what is measured', async (t) => {
  const {code, result: said} =
      await result(t, 'run', 'noisy', ...SHORT, '--rate', '200', ...PATIENT);
  assert.equal(code, 0, said.invalid_because.join());
  assert.equal(said.configuration.bad_endpoints, 4);
  assert.equal(said.measured.events, 160);
  assert.equal(said.measured.deliveries, 160);
});

test('restart: a kill in the middle loses nothing', async (t) => {
  const {code, result: said} = await result(t, 'run', 'restart', '--duration', '2s', '--rate', '200');
  assert.equal(code, 0, said.invalid_because.join());
  assert.equal(said.measured.kills, 1);
  assert.equal(said.measured.deliveries_counted, null);
  assert.equal(said.verify.lost, 0);
});

test('signed deliveries of GitHub\'s pushes, twice', async (t) => {
  const {code, stdout} = await play(
      t, 'run', 'dispatch', ...SHORT, ...CALM, '--signing', 'v1', '--github', GITHUB, '--repeat', '2',
      '--json');
  assert.equal(code, 0);
  const runs = stdout.trim().split('\n').map((line) => JSON.parse(line));
  assert.equal(runs.length, 2);
  for (const {configuration, verify} of runs) {
    assert.equal(configuration.signing, 'v1');
    assert.equal(configuration.payload, 'github');
    assert.equal(configuration.routed_on, '$Event{repository.full_name}');
    assert.equal(verify.bad_signatures, 0);
  }
});

test('expectations that do not hold are exit code 7, of each run', async (t) => {
  const {code, stdout, stderr} = await play(
      t, 'run', 'dispatch', ...SHORT, ...CALM, '--repeat', '2', '--json', '--expect', 'verify.lost==0',
      '--expect', 'events<100', '--expect', 'e2e.p99<300s');
  assert.equal(code, 7);
  assert.equal(stdout.trim().split('\n').length, 2);
  assert.equal(
      stderr,
      'headrace: run 1: events is 100, expected < 100\nheadrace: run 2: events is 100, expected < 100\n');
  const held = await play(
      t, 'run', 'accept', ...SHORT, ...CALM, '--expect', 'measured.events==100', '--expect', 'kills==0');
  assert.equal(held.code, 0, held.stderr);
  assert.equal(held.stderr, '');
  // Nothing was delivered, so nothing can hold of how long that took.
  const unmeasured = await play(t, 'run', 'accept', ...SHORT, ...CALM, '--expect', 'e2e.p99<300s');
  assert.equal(unmeasured.code, 7);
  assert.equal(unmeasured.stderr, 'headrace: e2e.p99 was not measured, expected < 300s\n');
});

test('what cannot be expected is refused before anything starts', async (t) => {
  for (const command of [['run', 'dispatch'], ['chaos']]) {
    for (const wrong of ['nothing<1', 'events', 'e2e.p99<5', 'e2e.p99<5KB', 'knee_per_s>1']) {
      // A daemon that could not start would be exit code 1.
      const refused = await play(t, ...command, '--daemon', '/bin/false', '--expect', wrong);
      assert.equal(refused.code, 2, wrong);
      assert.equal(refused.stdout, '');
      assert.match(refused.stderr, new RegExp(`^headrace: --expect ${wrong}: `));
    }
  }
});

test('the table says where and how it was measured; ledgers stay when asked for', async (t) => {
  const {code, stdout, stderr, folder} =
      await play(t, 'run', 'dispatch', ...SHORT, ...CALM, '--ledger', 'keep');
  assert.equal(code, 0);
  assert.match(stdout, /machine +\d+ CPUs/);
  assert.match(stdout, /durability fsync, ingest loops 1, shards 1, signing none/);
  assert.match(stdout, /open loop of 100\/s/);
  assert.match(stdout, /lost 0, altered 0, never accepted 0, duplicates 0/);
  const [, kept] = /^what was measured is in (.*)$/m.exec(stderr);
  assert.equal(path.dirname(kept), folder);
  const {code: verified} = await run(['bench', 'verify', path.join(kept, 'ledger')]);
  assert.equal(verified, 0);
});

test('an interrupt ends everything, and leaves nothing', async (t) => {
  const {child, folder, exited} = await start(t, ['run', 'dispatch', '--duration', '300s']);
  await until(
      async () => (await processesOf(folder)).length >= 3,
      {what: 'daemon, sink and load do not run', seconds: 120});
  child.kill('SIGINT');
  assert.equal(await exited, 1);
  await assertNothingIsLeft(folder);
});

test('no child outlives a run that is killed', async (t) => {
  const {child, folder, exited} = await start(t, ['run', 'dispatch', '--duration', '300s']);
  await until(
      async () => (await processesOf(folder)).length >= 3,
      {what: 'daemon, sink and load do not run', seconds: 120});
  child.kill('SIGKILL');
  await exited;
  await until(async () => (await processesOf(folder)).length === 0, {what: 'processes are left'});
});

test('planted faults of a dispatcher, one message of 10,000, are found', async (t) => {
  const dispatcher = fileURLToPath(new URL('lib/faulty_dispatcher.mjs', import.meta.url));
  const withFault = async (fault) => {
    const program = path.join(await scratch.folder(t), 'dispatcher');
    await writeFile(
        program, `#!/bin/sh\nFAULT=${fault} FAULTY=7777 exec ${process.execPath} ${dispatcher} "$@"\n`,
        {mode: 0o755});
    return result(
        t, 'run', 'dispatch', '--duration', '120s', '--warmup', '0s', '--messages', '10000', '--size',
        '200', '--daemon', program);
  };
  const healthy = await withFault('none');
  assert.equal(healthy.code, 0, healthy.result.invalid_because.join());
  assert.equal(healthy.result.measured.events, 10_000);
  assert.equal(healthy.result.headrace.version, 'faulty');
  assert.equal(healthy.result.headrace.build, 'unknown');
  const dropped = await withFault('drop');
  assert.equal(dropped.code, 7);
  assert.deepEqual(dropped.result.verify.breaches, ['lost']);
  assert.match(dropped.result.verify.examples.lost[0], /-7777$/);
  const flipped = await withFault('flip');
  assert.equal(flipped.code, 7);
  assert.deepEqual(flipped.result.verify.breaches, ['altered']);
  const twice = await withFault('twice');
  assert.equal(twice.result.verify.duplicated, 1);
  assert.deepEqual(twice.result.verify.breaches, []);
  assert.equal(twice.result.valid, false, 'the daemon\'s count is not the sink\'s');
  assert.equal(twice.code, 1);
});

test('wrong usage and what cannot be measured have their exit codes', async (t) => {
  assert.equal((await play(t, 'run', 'nothing')).code, 2);
  assert.equal((await play(t, 'run', 'dispatch', '--durability', 'hope')).code, 2);
  assert.equal((await play(t, 'run', 'dispatch', '--github', '/nonexistent')).code, 3);
  const {code, stderr, folder} = await play(t, 'run', 'dispatch', '--daemon', '/bin/false');
  assert.equal(code, 1);
  assert.match(stderr, /the daemon ended with exit code 1/);
  await assertNothingIsLeft(folder);
});
