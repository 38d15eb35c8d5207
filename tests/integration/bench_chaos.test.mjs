// SPDX-License-Identifier: Apache-2.0
// headrace bench chaos: the daemon killed under load, and nothing lost. HEADRACE_CHAOS=60s for long.
import assert from 'node:assert/strict';
import test from 'node:test';

import {result} from './lib/bench_run.mjs';

const DURATION = process.env.HEADRACE_CHAOS;

test('killed under load and started again, the daemon loses nothing that it accepted', async (t) => {
  const short = ['--duration', '8s', '--every', '1s', '--rate', '200', '--expect', 'verify.lost==0', '--expect', 'kills>=2'];
  const {code, result: said} =
      await result(t, 'chaos', ...(DURATION === undefined ? short : ['--duration', DURATION]));
  assert.equal(code, 0, said.invalid_because.join());
  assert.equal(said.kind, 'chaos');
  assert.ok(said.measured.kills >= (DURATION === undefined ? 2 : 5), `${said.measured.kills} kills`);
  assert.ok(said.measured.restart_max_s > 0);
  const {verify} = said;
  assert.ok(verify.accepted > 100);
  assert.equal(verify.delivered, verify.accepted);
  assert.equal(verify.lost + verify.altered + verify.unaccepted, 0);
  t.diagnostic(`${said.measured.kills} kills, ${verify.accepted} accepted, ${verify.duplicated} twice`);
});
