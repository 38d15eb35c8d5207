// SPDX-License-Identifier: Apache-2.0
// Histograms of headrace against those of hdr-histogram-js, over random sets of values.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import path from 'node:path';
import { test } from 'node:test';

const { build } = createRequire(import.meta.url)('hdr-histogram-js');
const probe = path.join(path.dirname(process.env.HEADRACE_BINARY), '../tests/integration/histogram_probe');
const percentiles = [0, 0.001, 1, 5, 25, 50, 75, 90, 95, 99, 99.9, 99.99, 99.999, 100];

// The same numbers in every run (mulberry32).
function randoms(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function near(actual, expected, what) {
  assert.ok(Math.abs(actual - expected) <= 1e-9 * Math.abs(expected) + 1e-3, `${what}: ${actual}, not ${expected}`);
}

for (let seed = 1; seed <= 40; ++seed) {
  test(`set ${seed} has the same percentiles`, () => {
    const random = randoms(seed);
    const lowest = seed % 2 ? 1 : 1 + Math.floor(random() * 2000);
    const highest = 2 * lowest + Math.floor(10 ** (3 + random() * 9));
    const digits = 1 + (seed % 4);
    const interval = seed % 3 ? 0 : Math.floor(highest / 50) + 1;
    const values = Array.from({ length: 1 + Math.floor(random() * 3000) },
      () => Math.floor(Math.exp(random() * Math.log(highest))));
    const other = build({ bitBucketSize: 64, lowestDiscernibleValue: lowest,
      highestTrackableValue: highest, numberOfSignificantValueDigits: digits });
    for (const value of values) other.recordValueWithExpectedInterval(value, interval);

    const { status, stdout } = spawnSync(probe, percentiles.map(String),
      { input: `${lowest} ${highest} ${digits} ${interval}\n${values.join(' ')}\n`, encoding: 'utf8' });
    assert.equal(status, 0);
    const lines = stdout.split('\n');
    for (const percentile of percentiles)
      assert.equal(Number(lines.shift()), other.getValueAtPercentile(percentile), `p${percentile}`);
    near(Number(lines.shift()), other.mean, 'mean');
    near(Number(lines.shift()), other.stdDeviation, 'deviation');

    // The text line by line; the last digit of a number may be rounded another way.
    const theirs = other.outputPercentileDistribution().split('\n');
    assert.equal(lines.length, theirs.length);
    const isRest = (line) => line.startsWith('#') || line.startsWith('  ') === false && line.trim() === '';
    for (let i = 0; i < theirs.length; ++i) {
      if (isRest(theirs[i])) continue;
      const [mine, wanted] = [lines[i], theirs[i]].map((line) => line.trim().split(/\s+/));
      assert.equal(mine.length, wanted.length, lines[i]);
      if (i === 0) assert.equal(lines[i], theirs[i]);
      else wanted.forEach((number, at) => near(Number(mine[at]), Number(number) , `line ${i}`));
    }
    // Both count their buckets alike.
    assert.equal(lines.at(-2), theirs.at(-2));
  });
}
