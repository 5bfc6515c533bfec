import type { Clock } from "./ports.ts";

/** Allows a burst of events, then a steady rate. */
export class TokenBucket {
  readonly #clock: Clock;
  readonly #burst: number;
  readonly #perMs: number;
  #tokens: number;
  #filledAt: number;

  /** Starts full. */
  constructor(clock: Clock, { burst, perSecond }: { readonly burst: number; readonly perSecond: number }) {
    this.#clock = clock;
    this.#burst = burst;
    this.#perMs = perSecond / 1000;
    this.#tokens = burst;
    this.#filledAt = clock.now();
  }

  /** Tokens that may be taken now. */
  get level(): number {
    const now = this.#clock.now();
    this.#tokens = Math.min(this.#burst, this.#tokens + (now - this.#filledAt) * this.#perMs);
    this.#filledAt = now;
    return this.#tokens;
  }

  /** Whether nothing has been taken lately. */
  get isFull(): boolean {
    return this.level >= this.#burst;
  }

  /** Takes some tokens if they are there and leave at least `reserve`. */
  take(count: number = 1, reserve: number = 0): boolean {
    if (this.level < count + reserve) return false;
    this.#tokens -= count;
    return true;
  }
}
