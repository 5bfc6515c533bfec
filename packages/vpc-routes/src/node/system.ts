import type { Clock, Random } from "../ports.ts";

/** The machine's monotonic clock. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after(ms, fn) {
    const timer = setTimeout(fn, ms).unref();
    return () => clearTimeout(timer);
  },
};

/** The runtime's generator: good enough for jitter. */
export const systemRandom: Random = Math.random;
