import { RingError } from "../errors.ts";

/** A store that has refused for this long (ms) makes requests fail instead of wait. */
const PATIENCE_MS = 10_000;
/** While it refuses, that is logged this often (ms). */
const LOG_MS = 60_000;

/** Whether the state can be saved. Requests wait for the store a while, then fail, because their callers cannot wait without end. */
export class StoreHealth {
  readonly #now: () => number;
  #error: Error | undefined;
  #since = 0;
  #loggedAt = Number.NEGATIVE_INFINITY;
  /** Bounded by: requests that wait. */
  readonly #waiting = new Set<(error: RingError) => void>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** The error that every save has ended with since `since` (ms of the given clock); undefined while saves succeed. */
  get failure(): { readonly message: string; readonly since: number } | undefined {
    return this.#error && { message: this.#error.message, since: this.#since };
  }

  /** Notes a failed save; returns whether it is time to log it. */
  failed(error: Error): boolean {
    const now = this.#now();
    if (!this.#error) this.#since = now;
    this.#error = error;
    if (now - this.#since >= PATIENCE_MS) {
      for (const reject of this.#waiting) reject(this.#toError(error));
      this.#waiting.clear();
    }
    const isDue = now - this.#loggedAt >= LOG_MS;
    if (isDue) this.#loggedAt = now;
    return isDue;
  }

  /** Notes a successful save; returns whether saves had failed before. */
  recovered(): boolean {
    const had = this.#error !== undefined;
    this.#error = undefined;
    this.#loggedAt = Number.NEGATIVE_INFINITY;
    return had;
  }

  /** The same promise, but it fails once the store has refused for {@link PATIENCE_MS}. @throws RingError STORE_FAILED */
  guard<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#error && this.#now() - this.#since >= PATIENCE_MS) reject(this.#toError(this.#error));
      this.#waiting.add(reject);
      const settled = (): void => void this.#waiting.delete(reject);
      promise.then(resolve, reject).finally(settled);
    });
  }

  #toError(cause: Error): RingError {
    const message = `the address state cannot be saved: ${cause.message}; make room on the disk, or repair it`;
    return new RingError("STORE_FAILED", message, { cause });
  }
}
