import type { RingOrigin } from "../consensus/origin.ts";
import type { Snapshot } from "../durability/journal.ts";
import type { PeerName, Random } from "../ports.ts";
import type { GrantPolicy } from "../ring/grant-policy.ts";
import type { MergeFailure } from "../ring/merge.ts";
import type { Range } from "../space/address.ts";
import type { Transport } from "../wire/transport.ts";
import type { StartupPeers } from "./startup.ts";

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
  /** Unix seconds, for Weave Net peers. */
  readonly unixSeconds: () => number;
  readonly random: Random;
  readonly isKnownPeer: (peer: PeerName) => boolean;
  readonly grantPolicy: GrantPolicy;
  /** Whether to grant, unasked, what completes a neighbour's block. */
  readonly tidy: boolean;
  /** Whether Weave Net peers may be in the network. */
  readonly mixed: boolean;
  /** Addresses that are never chosen here. */
  readonly avoid: readonly Range[];
  /** Workloads that always get the same address. */
  readonly reservations: ReadonlyMap<string, number>;
  /** The peers to hear from before anything is allocated; undefined if there are none to wait for. */
  readonly startupPeers?: (() => StartupPeers) | undefined;
  /** Makes a value durable, then calls `done`, at once or later. */
  readonly save: (snapshot: Snapshot, done: () => void) => void;
  /** Called when the ring has changed. */
  readonly onRing?: (() => void) | undefined;
  /** Called when a received ring is refused. */
  readonly onConflict?: ((failure: MergeFailure, from: PeerName | undefined) => void) | undefined;
}
