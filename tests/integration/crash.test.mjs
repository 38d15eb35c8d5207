// SPDX-License-Identifier: Apache-2.0
// Durability: what got a 2xx is delivered, whenever the daemon is killed. tools/crash and HEADRACE_ROUNDS
// run more rounds of it.
import assert from 'node:assert/strict';
import test from 'node:test';

import {CrashRun} from './lib/crash.mjs';
import * as scratch from './lib/scratch.mjs';

const ROUNDS = Number(process.env.HEADRACE_ROUNDS ?? 4);
const SEED = Number(process.env.HEADRACE_SEED ?? 20);

test('no accepted message is lost when the daemon is killed at random instants', async (t) => {
  t.diagnostic(`HEADRACE_SEED=${SEED}`);
  const data = await scratch.folder(t);
  const totals =
      await new CrashRun({data, seed: SEED, say: (line) => t.diagnostic(line)}).run(ROUNDS);
  t.diagnostic(JSON.stringify(totals));
  assert.ok(totals.accepted > 0);
  assert.equal(totals.lost, 0);
  assert.equal(totals.damaged, 0);
  assert.equal(totals.neverAccepted, 0);
  assert.ok(totals.duplicates <= totals.duplicatesMax);
  assert.equal(totals.exitCode, 0);
});
