/** A list of callbacks. One that throws does not keep the others from being called. */
export class Listeners<T extends unknown[]> {
  /** Bounded by: subscriptions not undone. */
  readonly #listeners = new Set<(...args: T) => void>();
  readonly #onError: (error: unknown) => void;

  constructor(onError: (error: unknown) => void) {
    this.#onError = onError;
  }

  get size(): number {
    return this.#listeners.size;
  }

  /** Adds a callback; the result removes it. */
  add(fn: (...args: T) => void): () => void {
    const own = (...args: T): void => fn(...args);
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  emit(...args: T): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(...args);
      } catch (error) {
        this.#onError(error);
      }
    }
  }
}
