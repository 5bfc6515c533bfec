/**
 * Notices that a TCP connection has stalled, and that the network is back.
 *
 * While the network is cut, TCP waits longer and longer before it sends again; after a cut of 20 s it may stay silent for as
 * long once the network is back. A new connection is through at once. So when a neighbour has not answered what we sent, we
 * ask it for an answer; while none comes, we try to open a second connection. If that succeeds and the first one is still
 * silent, the second one takes its place.
 */
import type { Clock } from "../ports.ts";

/** After sending, an answer of any kind is awaited this long before it is asked for, and then this long. */
const ANSWER_MS = 1_000;
/** A second connection is tried this often, and each try is given this long. */
const TRY_MS = 1_000;

/** What the watch needs to know of a connection, and can do about it. */
export interface StallHost {
  readonly clock: Clock;
  /** When bytes came last. */
  heardAt(): number;
  /** Asks the remote for an answer. */
  ping(): void;
  /** Tries to open a second connection, which takes the place of the first one if that is still silent. The result gives up. */
  tryAnother(): () => void;
}

/** The watch over one connection. */
export class StallWatch {
  readonly #host: StallHost;
  #cancel: (() => void) | undefined;
  #cancelTry: (() => void) | undefined;
  #ended = false;

  constructor(host: StallHost) {
    this.#host = host;
  }

  /** Something has been sent that gets an answer, or that only a ping would get an answer to. */
  sent(): void {
    if (this.#cancel || this.#ended) return;
    const { clock } = this.#host;
    const sentAt = clock.now();
    this.#cancel = clock.after(ANSWER_MS, () => {
      if (this.#answered(sentAt)) return;
      this.#host.ping();
      this.#cancel = clock.after(ANSWER_MS, () => this.#suspect(sentAt));
    });
  }

  /** The overlay hears the remote again after a silence. */
  resumed(): void {
    if (this.#ended || this.#cancelTry) return;
    this.#cancel?.();
    const { clock } = this.#host;
    const resumedAt = clock.now();
    this.#host.ping();
    this.#cancel = clock.after(ANSWER_MS / 4, () => this.#suspect(resumedAt));
  }

  #answered(since: number): boolean {
    if (this.#host.heardAt() < since) return false;
    this.#cancel = undefined;
    return true;
  }

  #suspect(since: number): void {
    if (this.#ended || this.#answered(since)) return;
    this.#cancelTry?.();
    this.#cancelTry = this.#host.tryAnother();
    this.#cancel = this.#host.clock.after(TRY_MS, () => {
      this.#cancelTry?.();
      this.#cancelTry = undefined;
      this.#suspect(since);
    });
  }

  /** The connection has ended. */
  close(): void {
    this.#ended = true;
    this.#cancel?.();
    this.#cancelTry?.();
  }
}
