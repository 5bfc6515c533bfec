import { MeshError } from "../errors.ts";
import type { Clock, Stream, Transport } from "../ports.ts";

/** Attempts to open a stream. */
export class Attempts {
  readonly #clock: Clock;
  readonly #transport: Transport;
  /** Attempts under way. Bounded by: the limits of the callers. */
  readonly #cancels = new Set<() => void>();
  #closed = false;

  constructor({ clock, transport }: { readonly clock: Clock; readonly transport: Transport }) {
    this.#clock = clock;
    this.#transport = transport;
  }

  /**
   * Begins an attempt. `done` is called once, unless the attempt is cancelled by the function that is returned, or by `close`.
   *
   * @param timeoutMs - how long the remote host may take to answer, if that is less than the transport allows
   */
  dial(to: string, timeoutMs: number | undefined, done: (result: Stream | Error) => void): () => void {
    let over = false;
    let cancelDial = (): void => {};
    let cancelTimeout = (): void => {};
    const cancel = (): void => {
      over = true;
      this.#cancels.delete(cancel);
      cancelTimeout();
      cancelDial();
    };
    const finish = (result: Stream | Error): void => {
      if (over || this.#closed) {
        if (!(result instanceof Error)) result.close();
        return;
      }
      over = true;
      this.#cancels.delete(cancel);
      cancelTimeout();
      done(result);
    };
    cancelDial = this.#transport.dial(to, finish);
    // A transport may have refused at once.
    if (over) return cancel;
    this.#cancels.add(cancel);
    if (timeoutMs !== undefined) {
      cancelTimeout = this.#clock.after(timeoutMs, () => {
        cancelDial();
        finish(new MeshError("MESH_TIMEOUT", `no answer within ${timeoutMs / 1000} s`));
      });
    }
    return cancel;
  }

  /** Cancels all attempts. */
  close(): void {
    this.#closed = true;
    for (const cancel of [...this.#cancels]) cancel();
  }
}
