import { VpcRoutesError } from "./errors.ts";
import type { Clock, Random } from "./ports.ts";

/** How calls are spaced. EC2's buckets are shared by the whole account and region, so one host takes a small part. */
export interface PaceOptions {
  /** Mutating calls a second. @defaultValue 2 (EC2 refills 5 a second for everybody) */
  readonly perSecond?: number;
  /** Mutating calls at once. @defaultValue 10 (EC2's bucket holds 50) */
  readonly burst?: number;
  /** First wait after throttling; doubled each time. @defaultValue 500 */
  readonly firstBackoffMs?: number;
  /** @defaultValue 60000 */
  readonly maxBackoffMs?: number;
  /** Tries of one call before the pass is given up until the next. @defaultValue 8 */
  readonly tries?: number;
}

/** Runs calls with a token bucket, retries those that EC2 throttled or could not serve. */
export interface Pacer {
  read<T>(call: () => Promise<T>): Promise<T>;
  write<T>(call: () => Promise<T>): Promise<T>;
  /** Ends early when everything stops. */
  sleep(ms: number): Promise<void>;
  /** Calls that EC2 throttled so far. */
  readonly throttled: number;
}

/** Full jitter: hosts that were throttled together do not come back together. */
export function createPacer(clock: Clock, random: Random, signal: AbortSignal, options: PaceOptions = {}): Pacer {
  const { perSecond = 2, burst = 10, firstBackoffMs = 500, maxBackoffMs = 60_000, tries = 8 } = options;
  let tokens = burst;
  let filledAt = clock.now();
  let throttled = 0;
  const sleep = (ms: number) =>
    new Promise<void>((resolve) => {
      if (signal.aborted) return resolve();
      const done = () => {
        cancel();
        signal.removeEventListener("abort", done);
        resolve();
      };
      const cancel = clock.after(ms, done);
      signal.addEventListener("abort", done, { once: true });
    });
  const take = async () => {
    for (;;) {
      tokens = Math.min(burst, tokens + ((clock.now() - filledAt) * perSecond) / 1000);
      filledAt = clock.now();
      if (tokens >= 1 || signal.aborted) break;
      await sleep(((1 - tokens) * 1000) / perSecond + 1);
    }
    tokens -= 1;
  };
  const attempt = async <T>(call: () => Promise<T>): Promise<T> => {
    for (let n = 1; ; n++) {
      try {
        return await call();
      } catch (error) {
        const code = error instanceof VpcRoutesError ? error.code : undefined;
        if (code === "THROTTLED") throttled++;
        if ((code !== "THROTTLED" && code !== "UNAVAILABLE") || n >= tries || signal.aborted) throw error;
        await sleep(random() * Math.min(maxBackoffMs, firstBackoffMs * 2 ** n));
      }
    }
  };
  return {
    read: attempt,
    sleep,
    async write(call) {
      await take();
      return attempt(call);
    },
    get throttled() {
      return throttled;
    },
  };
}
