// Long work in short slices, so that the page draws and listens meanwhile.

const SLICE_MS = 6;
const STEPS = 32; // between two looks at the clock

/**
 * Call `each(index)` for 0 .. length - 1, pausing whenever a slice's time is over.
 *
 * Stops with the signal's reason once `signal` is aborted: nobody waits for the result any more.
 */
export async function inSlices(length, each, signal) {
  let started = performance.now();
  for (let index = 0; index < length; index += 1) {
    each(index);
    if (index % STEPS || performance.now() - started < SLICE_MS) continue;
    await pause();
    signal?.throwIfAborted();
    started = performance.now();
  }
}

function pause() {
  return globalThis.scheduler?.yield?.() ?? new Promise((resume) => setTimeout(resume));
}
