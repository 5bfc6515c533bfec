import { randomFillSync } from "node:crypto";
import type { Clock, Random } from "../ports.ts";

/** The machine's monotonic clock. Timers do not keep the process alive; an open server does. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after(ms, fn) {
    // What has no delay is run in this turn of the event loop, after input; a timer would cost a millisecond.
    if (ms <= 0) {
      const immediate = setImmediate(fn);
      return () => clearImmediate(immediate);
    }
    const timer = setTimeout(fn, ms).unref();
    return () => clearTimeout(timer);
  },
};

/** Numbers drawn at a time from the system's generator. */
const BATCH = 1024;

/** Randomness of the system's generator: identities are drawn from it, too. */
export function systemRandom(): Random {
  const words = new Uint32Array(BATCH);
  let next = BATCH;
  return () => {
    if (next === BATCH) {
      randomFillSync(words);
      next = 0;
    }
    return words[next++]! / 0x1_0000_0000;
  };
}
