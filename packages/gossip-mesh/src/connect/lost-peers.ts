/**
 * Addresses of peers that we were connected to. When such a peer is nowhere in the topology any more, both sides of a split
 * may know each other from nothing else: peers that were discovered are in nobody's configuration.
 */
import type { Clock, PeerName } from "../ports.ts";

/** A peer that has been gone for longer is taken for decommissioned. */
const KEEP_MS = 10 * 60_000;
/** When full, the one longest not connected is forgotten. */
const MAX_REMEMBERED = 256;

interface Memory {
  readonly address: string;
  readonly guess: boolean;
  /** When the peer was first found missing. */
  missingSince: number | undefined;
}

/** The memory. */
export class LostPeers {
  readonly #clock: Clock;
  /** Longest not connected first. Bounded by: MAX_REMEMBERED. */
  readonly #memories = new Map<PeerName, Memory>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Notes where a peer was reached; a guess never replaces knowledge. */
  remember(name: PeerName, address: string, options: { readonly guess: boolean } = { guess: false }): void {
    const known = this.#memories.get(name);
    const keep = options.guess && known && !known.guess ? known : { address, guess: options.guess };
    this.#memories.delete(name);
    this.#memories.set(name, { ...keep, missingSince: undefined });
    if (this.#memories.size > MAX_REMEMBERED) this.#memories.delete(this.#memories.keys().next().value!);
  }

  /** Peers that are not known any more, with their addresses. */
  *missing(isKnown: (name: PeerName) => boolean): Generator<[PeerName, string]> {
    const now = this.#clock.now();
    for (const [name, memory] of this.#memories) {
      if (isKnown(name)) {
        memory.missingSince = undefined;
        continue;
      }
      memory.missingSince ??= now;
      if (now - memory.missingSince > KEEP_MS) this.#memories.delete(name);
      else yield [name, memory.address];
    }
  }
}
