import type { Clock, WallClock } from "../ports.ts";

/** The host's monotonic clock. Its timers do not keep the process alive. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after(ms, fn) {
    const timer = setTimeout(fn, ms).unref();
    return () => clearTimeout(timer);
  },
};

/** The host's calendar, in Unix seconds. */
export const systemWallClock: WallClock = () => Math.floor(Date.now() / 1000);
