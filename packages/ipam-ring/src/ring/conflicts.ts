import type { PeerName } from "../ports.ts";
import type { SentRing } from "../wire/allocation-wire.ts";
import type { MergeFailure } from "./merge.ts";

const MOST = 64;

/** Rings that were refused. */
export class Conflicts {
  /** By message. Bounded by: {@link MOST}, the oldest go first. */
  readonly #failures = new Map<string, MergeFailure>();
  /** The last refused ring of a network seeded by others, for an operator who wants to join it. */
  #foreign: SentRing | undefined;

  get foreign(): SentRing | undefined {
    return this.#foreign;
  }

  list(): MergeFailure[] {
    return [...this.#failures.values()];
  }

  /** Whether it was news. */
  add(failure: MergeFailure, received: SentRing): boolean {
    if (failure.code === "RING_SEEDS") this.#foreign = received;
    const known = this.#failures.has(failure.message);
    if (!known && this.#failures.size >= MOST) this.#failures.delete(this.#failures.keys().next().value as string);
    this.#failures.set(failure.message, failure);
    return !known;
  }

  /** A peer has our ring: what it said before it joined us is past. */
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
