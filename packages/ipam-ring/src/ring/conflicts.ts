import type { PeerName } from "../ports.ts";
import type { Range } from "../space/address.ts";
import type { MergeFailure } from "./merge.ts";
import type { SentRing } from "./ring.ts";

const MOST = 64;

/** A refusal with its parties. */
export interface RefusedRing extends MergeFailure {
  /** The peer that the ring came from, as far as that is known. */
  readonly from: PeerName | undefined;
  /** The range of the received ring. */
  readonly range: Range;
}

/** Rings that were refused. */
export class Conflicts {
  /** By message. Bounded by: {@link MOST}, the oldest go first. */
  readonly #failures = new Map<string, RefusedRing>();
  /** The last refused ring of a network with other seeds, for an operator who wants to join it. */
  #foreign: SentRing | undefined;

  get foreign(): SentRing | undefined {
    return this.#foreign;
  }

  list(): RefusedRing[] {
    return [...this.#failures.values()];
  }

  /** Records a refusal; returns whether it was new. */
  add(failure: MergeFailure, received: SentRing, from: PeerName | undefined): boolean {
    if (failure.code === "RING_SEEDS") this.#foreign = received;
    const known = this.#failures.has(failure.message);
    if (!known && this.#failures.size >= MOST) this.#failures.delete(this.#failures.keys().next().value as string);
    const range = { start: received.start, end: received.end };
    this.#failures.set(failure.message, { ...failure, from, range });
    return !known;
  }

  /** A peer has our ring: the ring that it sent before it joined us does not exist any more. */
  agrees(peer: PeerName): void {
    if (this.#foreign?.peer !== peer) return;
    this.#foreign = undefined;
    for (const [message, { code }] of this.#failures) if (code === "RING_SEEDS") this.#failures.delete(message);
  }

  clear(): void {
    this.#failures.clear();
    this.#foreign = undefined;
  }
}
