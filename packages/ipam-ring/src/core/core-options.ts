import type { Snapshot } from "../durability/journal.ts";
import type { PeerName, Random } from "../ports.ts";
import type { DonationPolicy } from "../ring/grant-policy.ts";
import type { MergeFailure } from "../ring/merge.ts";
import type { Range } from "../space/address.ts";
import type { GossipState, UnicastMessage } from "../wire/allocation-wire.ts";
import type { ConsentMessage } from "../wire/consent-wire.ts";

/** How the first ring comes about. */
export type RingOrigin =
  | {
      readonly kind: "consensus";
      /** Peers expected at the start; the quorum is a majority of them. @defaultValue what `guess` says */
      readonly peers?: number;
      /** Asked when the first proposal is made, if `peers` is not given: direct targets in use + 1. */
      readonly guess: () => number;
    }
  | { readonly kind: "seed"; readonly peers: readonly PeerName[] }
  | { readonly kind: "observer" };

/** What goes out, once everything it follows from is saved. */
export interface Transport {
  /** False if no route leads there. */
  unicast(to: PeerName, message: UnicastMessage): boolean;
  /** To everybody; the state is asked for when a connection is free to take it. */
  broadcast(state: () => GossipState): void;
  /** On the channel of take-overs, to one peer or everybody. */
  consent(to: PeerName | "all", message: ConsentMessage): void;
}

/** Everything the state machine is given. */
export interface CoreOptions {
  readonly name: PeerName;
  readonly uid: bigint;
  readonly nickname: string;
  readonly universe: Range;
  readonly init: RingOrigin;
  readonly transport: Transport;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
  /** Unix seconds, for peers of old. */
  readonly unixSeconds: () => number;
  readonly random: Random;
  readonly isKnownPeer: (peer: PeerName) => boolean;
  readonly donate: DonationPolicy;
  /** Whether to give away, unasked, what completes a neighbour's block. */
  readonly tidy: boolean;
  /** Whether originals may be among the peers. */
  readonly mixed: boolean;
  /** Addresses that are never chosen here. */
  readonly avoid: readonly Range[];
  /** Idents that always get the same address. */
  readonly reservations: ReadonlyMap<string, number>;
  /** Makes a value durable, then calls `done`, at once or later. */
  readonly save: (snapshot: Snapshot, done: () => void) => void;
  /** The ring has changed. */
  readonly onRing?: () => void;
  /** A received ring was refused. */
  readonly onConflict?: (failure: MergeFailure, from: PeerName | undefined) => void;
}

/** Ask a peer again after this long, in milliseconds; the original's tick (notes, 21). */
export const TICK_MS = 5000;
/** Addresses of a container that died are kept this long, in milliseconds. */
export const DEAD_GRACE_MS = 30_000;
