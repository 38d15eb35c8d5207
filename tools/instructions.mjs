// SPDX-License-Identifier: Apache-2.0
// Counts the instructions of hot paths under callgrind and compares them with a baseline.
//
//   tools/instructions [--program build/release/bench/instructions_run]
//                      [--baseline bench/instructions.json] [--update] [--profiles DIRECTORY]
//   tools/instructions --measured FILE      what was measured before, in the baseline's form
//
// Exit code 1: a path takes over 5 % more instructions than the baseline says, or the two do not
// have the same paths. 77: the baseline is of another compiler, library or processor, or valgrind
// is not there, so nothing is said. --update writes the baseline anew; --profiles keeps a profile of
// each path in a directory, for callgrind_annotate.
import {spawn} from 'node:child_process';
import {copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile} from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import {fileURLToPath} from 'node:url';
import {parseArgs} from 'node:util';

const PERCENT_MAX = 5;
const NOT_COMPARABLE = 77;
const ROOT = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');

class NotComparable extends Error {}

function options() {
  const {values} = parseArgs({
    options: {
      program: {type: 'string', default: path.join(ROOT, 'build/release/bench/instructions_run')},
      baseline: {type: 'string', default: path.join(ROOT, 'bench/instructions.json')},
      measured: {type: 'string'},
      profiles: {type: 'string'},
      update: {type: 'boolean', default: false},
    }
  });
  return values;
}

// What `command` says on its standard output; all that it said is in the error when it fails.
function output(command, args, env = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      env: {PATH: process.env.PATH, ...env},
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let out = '';
    let err = '';
    child.stdout.on('data', (bytes) => out += bytes);
    child.stderr.on('data', (bytes) => err += bytes);
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (code === 0) return resolve(out);
      reject(new Error(`${command} ended with ${code ?? signal}:\n${out}${err}`));
    });
  });
}

async function valgrindVersion() {
  try {
    return (await output('valgrind', ['--version'])).trim().replace(/^valgrind-/, '');
  } catch (error) {
    if (error.code === 'ENOENT') throw new NotComparable('valgrind is not installed');
    throw error;
  }
}

// {path: {operations: instructions}} of callgrind's profiles, each of which names what it is of. One
// of each path is kept in `kept`, if that is given.
async function readProfiles(directory, kept) {
  const counts = {};
  if (kept !== undefined) await mkdir(kept, {recursive: true});
  for (const file of await readdir(directory)) {
    const text = await readFile(path.join(directory, file), 'latin1');
    const label = /^desc: Trigger: Client Request: (\S+) (\d+)$/m.exec(text);
    const total = /^totals: (\d+)$/m.exec(text);
    if (label === null || total === null) continue;
    (counts[label[1]] ??= {})[label[2]] = Number(total[1]);
    if (kept !== undefined) await copyFile(path.join(directory, file), path.join(kept, label[1]));
  }
  return counts;
}

// Of each path what one operation takes: twice the work less the work, so that beginning and ending
// it do not count.
function perOperation(counts) {
  const all = Object.keys(counts).sort().map((name) => {
    const [once, twice] = Object.keys(counts[name]).map(Number).sort((a, b) => a - b);
    if (twice !== 2 * once) throw new Error(`${name} was not measured twice`);
    const instructions = (counts[name][twice] - counts[name][once]) / once;
    return [name, Math.round(instructions * 10) / 10];
  });
  if (all.length === 0) throw new Error('callgrind wrote no profile');
  return Object.fromEntries(all);
}

async function measure(program, profiles) {
  const valgrind = await valgrindVersion();
  const directory = await mkdtemp(path.join(os.tmpdir(), 'headrace-instructions-'));
  try {
    // simdjson would choose by the processor; this one runs wherever valgrind knows AVX2. With no
    // more environment than that, it is the same everywhere.
    const said = await output(
        'valgrind',
        [
          '--tool=callgrind', '--instr-atstart=no',
          `--callgrind-out-file=${path.join(directory, 'profile')}`, program
        ],
        {SIMDJSON_FORCE_IMPLEMENTATION: 'haswell', TMPDIR: os.tmpdir()});
    const facts = [...said.matchAll(/^fact ([^:]+): (.*)$/mg)].map(([, name, value]) => [name, value]);
    return {
      environment: {valgrind, ...Object.fromEntries(facts)},
      instructions: perOperation(await readProfiles(directory, profiles)),
    };
  } finally {
    await rm(directory, {recursive: true, force: true});
  }
}

function checkEnvironment(was, is) {
  const names = [...new Set([...Object.keys(was), ...Object.keys(is)])];
  const different = names.filter((name) => was[name] !== is[name]);
  if (different.length === 0) return;
  throw new NotComparable(
      'the baseline was measured with something else:\n' +
      different.map((name) => `  ${name}: ${was[name] ?? 'none'}; here ${is[name] ?? 'none'}`).join('\n'));
}

function verdict(was, is) {
  if (was === undefined) return {bad: true, text: 'not in the baseline'};
  if (is === undefined) return {bad: true, text: 'only in the baseline'};
  const percent = (is / was - 1) * 100;
  const text = `${percent < 0 ? '' : '+'}${percent.toFixed(1)} %`;
  if (percent > PERCENT_MAX) return {bad: true, text: `${text}  MORE`};
  if (percent < -PERCENT_MAX) return {lower: true, text: `${text}  less`};
  return {text};
}

// A line a path; `failed` and `lower` say what the lines come to.
function compare(was, is) {
  const names = [...new Set([...Object.keys(was), ...Object.keys(is)])].sort();
  const width = Math.max(...names.map((name) => name.length));
  const number = (value) => (value === undefined ? '-' : value.toFixed(1)).padStart(10);
  const verdicts = names.map((name) => verdict(was[name], is[name]));
  const lines = names.map(
      (name, i) => `${name.padEnd(width)} ${number(was[name])} ${number(is[name])}  ${verdicts[i].text}`);
  return {
    lines: [`${'instructions an operation'.padEnd(width)} ${'was'.padStart(10)} ${'is'.padStart(10)}`, ...lines],
    failed: verdicts.some(({bad}) => bad),
    lower: verdicts.some(({lower}) => lower),
  };
}

async function main() {
  const {program, baseline, measured, profiles, update} = options();
  const say = (line) => process.stdout.write(`${line}\n`);
  const is = measured === undefined ? await measure(program, profiles) : JSON.parse(await readFile(measured, 'utf8'));
  if (update) {
    await writeFile(baseline, `${JSON.stringify(is, null, 2)}\n`);
    say(`wrote ${Object.keys(is.instructions).length} paths to ${baseline}`);
    return 0;
  }
  const was = JSON.parse(await readFile(baseline, 'utf8'));
  checkEnvironment(was.environment, is.environment);
  const {lines, failed, lower} = compare(was.instructions, is.instructions);
  lines.forEach(say);
  if (failed) {
    say(`Over ${PERCENT_MAX} % more, or other paths than the baseline's. Where that is meant: ` +
        'tools/instructions --update, and say why in the commit.');
    return 1;
  }
  if (lower) say('Less than the baseline says: tools/instructions --update keeps it so.');
  return 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`instructions: ${error instanceof NotComparable ? 'not comparable: ' : ''}${error.message}\n`);
  process.exitCode = error instanceof NotComparable ? NOT_COMPARABLE : 2;
}
