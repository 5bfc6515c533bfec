import type { Clock } from "../ports.ts";

/** A clock that stands still until it is moved. */
export interface ManualClock extends Clock {
  /** Moves time; runs what falls due in order, letting promises settle in between. */
  advance(ms: number): Promise<void>;
}

/** Starts at 0. */
export function createManualClock(): ManualClock {
  let now = 0;
  let waiting: { readonly at: number; readonly fn: () => void }[] = [];
  // Long enough for the deepest chain of awaits between two timers.
  const settle = async () => {
    for (let i = 0; i < 200; i++) await Promise.resolve();
  };
  return {
    now: () => now,
    after(ms, fn) {
      const timer = { at: now + ms, fn };
      waiting.push(timer);
      return () => {
        waiting = waiting.filter((one) => one !== timer);
      };
    },
    async advance(ms) {
      const until = now + ms;
      await settle();
      for (;;) {
        const next = waiting.filter((timer) => timer.at <= until).sort((a, b) => a.at - b.at)[0];
        if (next === undefined) break;
        waiting = waiting.filter((timer) => timer !== next);
        now = Math.max(now, next.at);
        next.fn();
        await settle();
      }
      now = until;
    },
  };
}
