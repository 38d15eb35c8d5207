// SPDX-License-Identifier: Apache-2.0
// What tools/instructions says of a measurement and a baseline.
import assert from 'node:assert/strict';
import {execFile} from 'node:child_process';
import {mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import {after, before, test} from 'node:test';
import {fileURLToPath} from 'node:url';

const ROOT = path.join(path.dirname(fileURLToPath(import.meta.url)), '../..');
const BASELINE = {
  environment: {compiler: '12.2.0', valgrind: '3.19.0'},
  instructions: {'codec.request': 10000, 'selector.push': 40000.5},
};

let directory;
before(async () => {
  directory = await mkdtemp(path.join(os.tmpdir(), 'headrace-instructions-test-'));
});
after(() => rm(directory, {recursive: true, force: true}));

async function file(name, content) {
  const where = path.join(directory, name);
  await writeFile(where, JSON.stringify(content));
  return where;
}

function run(...args) {
  return new Promise((resolve) => {
    execFile(path.join(ROOT, 'tools/instructions'), args, (error, stdout, stderr) => {
      resolve({code: error === null ? 0 : error.code, stdout, stderr});
    });
  });
}

async function judge({instructions = {}, environment = {}}) {
  const baseline = await file('baseline.json', BASELINE);
  const measured = await file('measured.json', {
    environment: {...BASELINE.environment, ...environment},
    instructions: {...BASELINE.instructions, ...instructions},
  });
  return run('--baseline', baseline, '--measured', measured);
}

test('six percent more fails, and names the path with both numbers', async () => {
  const {code, stdout} = await judge({instructions: {'codec.request': 10600}});
  assert.equal(code, 1);
  assert.match(stdout, /^codec\.request +10000\.0 +10600\.0 +\+6\.0 % +MORE$/m);
  assert.match(stdout, /^selector\.push +40000\.5 +40000\.5 +\+0\.0 %$/m);
  assert.match(stdout, /--update/);
});

test('four percent more passes', async () => {
  const {code, stdout} = await judge({instructions: {'codec.request': 10400}});
  assert.equal(code, 0);
  assert.match(stdout, /^codec\.request +10000\.0 +10400\.0 +\+4\.0 %$/m);
  assert.doesNotMatch(stdout, /--update/);
});

test('six percent less passes, and asks for a lower baseline', async () => {
  const {code, stdout} = await judge({instructions: {'codec.request': 9400}});
  assert.equal(code, 0);
  assert.match(stdout, /^codec\.request +10000\.0 +9400\.0 +-6\.0 % +less$/m);
  assert.match(stdout, /--update/);
});

test('a path that the baseline does not have fails, and so does one that is gone', async () => {
  const more = await judge({instructions: {'codec.response': 1}});
  assert.equal(more.code, 1);
  assert.match(more.stdout, /^codec\.response +- +1\.0 +not in the baseline$/m);
  const less = await judge({instructions: {'codec.request': undefined}});
  assert.equal(less.code, 1);
  assert.match(less.stdout, /^codec\.request +10000\.0 +- +only in the baseline$/m);
});

test('another compiler is not compared, and is named', async () => {
  const {code, stderr} =
      await judge({instructions: {'codec.request': 20000}, environment: {compiler: '13.1.0'}});
  assert.equal(code, 77);
  assert.match(stderr, /not comparable/);
  assert.match(stderr, /compiler: 12\.2\.0; here 13\.1\.0/);
  assert.doesNotMatch(stderr, /valgrind:/);
});

test('--update writes what was measured', async () => {
  const baseline = await file('old.json', BASELINE);
  const measured = {...BASELINE, instructions: {'codec.request': 7000}};
  const {code} =
      await run('--baseline', baseline, '--measured', await file('new.json', measured), '--update');
  assert.equal(code, 0);
  assert.deepEqual(JSON.parse(await readFile(baseline, 'utf8')), measured);
});

test('a program that cannot be run is an error of its own', async () => {
  const {code, stderr} = await run('--program', path.join(directory, 'none'));
  assert.ok(code === 2 || code === 77, `${code}`);
  assert.notEqual(stderr, '');
});

test('the baseline in the tree has facts and paths', async () => {
  const text = await readFile(path.join(ROOT, 'bench/instructions.json'), 'utf8');
  const {environment, instructions} = JSON.parse(text);
  for (const name of ['valgrind', 'compiler', 'flags', 'glibc', 'simdjson', 'processor'])
    assert.equal(typeof environment[name], 'string', name);
  for (const name of ['codec.request_by_length', 'selector.push_payload', 'ingest.request', 'store.committer'])
    assert.ok(instructions[name] > 0, name);
});
