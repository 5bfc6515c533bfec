/** Constants of the search. Source: docs/protocol/overlay.md#12.7. */
const LOWER_BOUND = 552;
const TRIES = 8;
const FIRST_TIMEOUT_MS = 10;
/** Effective MTU while nothing is known. */
export const UNKNOWN_MTU = 65535;

/**
 * Finds the largest inner packet that a path takes, by bisection. Time comes in; probes go out through `sendProbe`.
 *
 * ```text
 *  idle --tooBig--> probing candidate --answer--> good = candidate --+--> next candidate ... until good + 1 = bad
 *                          |  8 tries silent --> bad = candidate ----+
 * ```
 */
export class PathMtuSearch {
  readonly #sendProbe: (mtu: number) => void;
  #good = 0;
  #bad = 0;
  #candidate = 0;
  #tries = 0;
  #retryAtMs = Number.POSITIVE_INFINITY;
  #mtu: number = UNKNOWN_MTU;
  #searching = false;

  constructor(sendProbe: (mtu: number) => void) {
    this.#sendProbe = sendProbe;
  }

  /** Bytes of inner packet to be used now. */
  get mtu(): number {
    return this.#mtu;
  }
  get searching(): boolean {
    return this.#searching;
  }
  /** When `tick` is wanted next. */
  get nextMs(): number {
    return this.#retryAtMs;
  }

  /** The kernel refused a packet: what an inner packet may have at most, by the path MTU that it knows. */
  tooBig(candidate: number, nowMs: number): void {
    if (this.#searching && this.#candidate <= candidate) return;
    this.#good = LOWER_BOUND;
    this.#bad = candidate + 1;
    this.#searching = true;
    this.#try(candidate, nowMs);
  }

  #try(candidate: number, nowMs: number): void {
    this.#candidate = candidate;
    this.#mtu = candidate;
    this.#tries = 0;
    this.#probe(nowMs);
  }

  #probe(nowMs: number): void {
    this.#retryAtMs = nowMs + FIRST_TIMEOUT_MS * 2 ** this.#tries;
    this.#tries++;
    this.#sendProbe(this.#candidate);
  }

  /** A probe for an inner packet of this size has arrived at the other side. */
  answered(mtu: number, nowMs: number): void {
    if (!this.#searching || mtu !== this.#candidate) return;
    this.#good = mtu;
    this.#next(nowMs);
  }

  tick(nowMs: number): void {
    if (!this.#searching || nowMs < this.#retryAtMs) return;
    if (this.#tries < TRIES) {
      this.#probe(nowMs);
      return;
    }
    this.#bad = this.#candidate;
    this.#next(nowMs);
  }

  #next(nowMs: number): void {
    if (this.#good + 1 < this.#bad) {
      this.#try(Math.floor((this.#good + this.#bad) / 2), nowMs);
      return;
    }
    this.#mtu = this.#good;
    this.#searching = false;
    this.#retryAtMs = Number.POSITIVE_INFINITY;
  }

  /** Forgets everything, so that a path that has grown is noticed by the next oversized packet. */
  reset(): void {
    this.#searching = false;
    this.#retryAtMs = Number.POSITIVE_INFINITY;
    this.#mtu = UNKNOWN_MTU;
  }
}
