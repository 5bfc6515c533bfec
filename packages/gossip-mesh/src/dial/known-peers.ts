/**
 * Addresses of peers that we were connected to. When such a peer is nowhere in the topology any more, both sides of a split
 * may know each other from nothing else: peers that were discovered are in no configuration.
 */
import type { Clock, PeerName } from "../ports.ts";

/** A peer that has been gone for longer is taken for decommissioned. */
const KEEP_MS = 10 * 60_000;
/** When full, the peer whose connection is longest ago is forgotten. */
const MAX_KNOWN = 256;

interface KnownPeer {
  readonly address: string;
  readonly guess: boolean;
  /** When the peer was first found missing. */
  missingSince: number | undefined;
}

/** The memory. */
export class KnownPeers {
  readonly #clock: Clock;
  /** The one whose connection is longest ago first. Bounded by: MAX_KNOWN. */
  readonly #peers = new Map<PeerName, KnownPeer>();
  /** Addresses that people do not want dialled any more. Bounded by: the targets that they have given and taken back. */
  readonly #forgotten = new Set<string>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Notes where a peer was reached; a guess never replaces knowledge. */
  remember(name: PeerName, address: string, options: { readonly guess: boolean } = { guess: false }): void {
    if (this.#forgotten.has(address)) return;
    const known = this.#peers.get(name);
    const keep = options.guess && known && !known.guess ? known : { address, guess: options.guess };
    this.#peers.delete(name);
    this.#peers.set(name, { ...keep, missingSince: undefined });
    if (this.#peers.size > MAX_KNOWN) this.#peers.delete(this.#peers.keys().next().value!);
  }

  /** People have taken an address back: it is not remembered, now or later, until they give it again. */
  forget(address: string): void {
    this.#forgotten.add(address);
    for (const [name, peer] of this.#peers) if (peer.address === address) this.#peers.delete(name);
  }

  /** People have given an address (again). */
  allow(address: string): void {
    this.#forgotten.delete(address);
  }

  /** Peers that are not known any more, with their addresses. */
  *missing(isKnown: (name: PeerName) => boolean): Generator<[PeerName, string]> {
    const now = this.#clock.now();
    for (const [name, peer] of this.#peers) {
      if (isKnown(name)) {
        peer.missingSince = undefined;
        continue;
      }
      peer.missingSince ??= now;
      if (now - peer.missingSince > KEEP_MS) this.#peers.delete(name);
      else yield [name, peer.address];
    }
  }
}
