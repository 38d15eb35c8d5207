// SPDX-License-Identifier: Apache-2.0
// The durability tool: load, SIGKILL, restart on the same data, for many rounds.
//
//   tools/crash [--rounds 20] [--seed N] [--connections 8]
//
// Prints what was accepted, delivered, delivered more than once, and lost. Exit code 7 when
// anything was lost or changed; the same seed repeats
// the same plan of rounds.
import {mkdtemp, rm} from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import {parseArgs} from 'node:util';

import {CrashRun} from '../tests/integration/lib/crash.mjs';

const LOST = 7;

function options() {
  const {values} = parseArgs({
    options: {
      rounds: {type: 'string', default: '20'},
      seed: {type: 'string', default: String(process.pid)},
      connections: {type: 'string', default: '8'},
    }
  });
  return Object.fromEntries(Object.entries(values).map(([name, text]) => {
    const number = Number(text);
    if (!Number.isSafeInteger(number) || number < 1)
      throw new Error(`--${name} takes a whole number from 1`);
    return [name, number];
  }));
}

async function main() {
  const {rounds, seed, connections} = options();
  const say = (line) => process.stdout.write(`${line}\n`);
  say(`seed ${seed}, ${rounds} rounds, ${connections} connections`);
  const data = await mkdtemp(path.join(os.tmpdir(), 'headrace-crash-'));
  try {
    const totals = await new CrashRun({data, seed, connections, say}).run(rounds);
    say(`accepted ${totals.accepted}, delivered ${totals.delivered}, duplicates ${
            totals.duplicates}, ` +
        `lost ${totals.lost}, damaged ${totals.damaged}, never accepted ${
            totals.neverAccepted}, delivered without a 2xx ${totals.unanswered}`);
    if (totals.lost + totals.damaged + totals.neverAccepted > 0) return LOST;
    return totals.exitCode === 0 ? 0 : 1;
  } finally {
    await rm(data, {recursive: true, force: true});
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`crash: ${error.message}\n`);
  process.exitCode = 1;
}
