import type { Clock, Random } from "../ports.ts";

/** The machine's monotonic clock. Its timers keep the process up: somebody may await what waits, such as a paced call. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after(ms, fn) {
    const timer = setTimeout(fn, ms);
    return () => clearTimeout(timer);
  },
};

/** The runtime's generator: good enough for jitter. */
export const systemRandom: Random = Math.random;
