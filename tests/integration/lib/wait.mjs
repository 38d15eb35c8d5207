// SPDX-License-Identifier: Apache-2.0
// Waiting for a condition, always bounded, never for a time.

const RETRY_MS = 10;  // between two looks at something that has no event to wait for

// A promise that fails with a sentence when `promise` is not settled after `seconds`.
export async function within(seconds, what, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(
        () => reject(new Error(`${seconds} s passed and still: ${describe(what)}`)),
        seconds * 1000);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

// Asks `probe` again and again until its answer is truthy, and returns that answer. An error that
// the probe throws counts as "not yet"; the last one is told when time runs out.
export async function until(probe, {what, seconds = 30}) {
  const deadline = performance.now() + seconds * 1000;
  let error;
  for (;;) {
    try {
      const answer = await probe();
      if (answer) return answer;
      error = undefined;
    } catch (caught) {
      error = caught;
    }
    if (performance.now() > deadline) {
      throw new Error(`${seconds} s passed and still: ${describe(what)}`, {cause: error});
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

function describe(what) {
  return typeof what === 'function' ? what() : what;
}
