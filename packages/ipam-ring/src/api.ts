import type { GossipHandler, GossipSender, OwnedRange, PeerName } from "./ports.ts";
import type { RequestOptions } from "./requests/request.ts";
import type { Explanation } from "./requests/waiting.ts";
import type { Cidr } from "./space/address.ts";
import type { OwnedAddresses } from "./space/allocations.ts";
import type { IpamStatus } from "./status.ts";

/** Options of a request. */
export interface WaitOptions extends RequestOptions {
  /** Ends the wait: the promise rejects with code CANCELLED. */
  readonly signal?: AbortSignal;
}

/** The effect of joining another network on this host's addresses. */
export interface JoinResult {
  readonly kept: readonly string[];
  /** In use there, too: the containers here need other addresses. */
  readonly conflicts: readonly string[];
}

/** Addresses for the containers of one host. Made by `createAllocator`. */
export interface Allocator {
  /** The handler of channel `IPallocation`. */
  readonly gossip: GossipHandler;
  /** The handler of channel `IPtakeover`, which Weave Net does not have; without it a reclaim asks no peer, as Weave Net's. */
  readonly consent: GossipHandler;
  readonly defaultSubnet: Cidr;
  /** Connects the channels; call before {@link Allocator.start}. */
  attach(sender: GossipSender, consent?: GossipSender): void;
  /** Starts: restores the saved state, announces itself, ticks every 5 s. */
  start(): void;
  /**
   * Allocates an address for an ident; the same again while it holds one in the subnet. For ident `_` the address is its own ident.
   *
   * @throws RingError CANCELLED, OUT_OF_RANGE, INVALID, STORE_FAILED; ADDRESS_TAKEN for a reserved ident only
   */
  allocate(ident: string, subnet?: Cidr, options?: WaitOptions): Promise<Cidr>;
  /**
   * Claims this very address for an ident. An address outside the universe is only recorded.
   *
   * @throws RingError CANCELLED, ADDRESS_TAKEN, INVALID, STORE_FAILED
   */
  claim(ident: string, cidr: Cidr, options?: WaitOptions): Promise<void>;
  /** Addresses of an ident in a subnet, whose first and last address do not count. */
  lookup(ident: string, subnet?: Cidr): Cidr[];
  /** All allocations of this host, oldest first. */
  owned(): OwnedAddresses[];
  /** Releases one address of an ident, or all. @throws RingError NOT_HELD */
  release(ident: string, address?: string): void;
  /** Its addresses are kept for 30 s, its requests cancelled. */
  containerDied(ident: string): void;
  /** Its addresses are free at once. */
  containerDestroyed(ident: string): void;
  containerStarted(ident: string): void;
  /** Releases the addresses of containers that are not in `idents`; for the start, because deaths may have been missed. */
  keepOnly(idents: Iterable<string>): void;
  /** Resolves when there is a ring; starts the vote if there is none. @throws RingError CANCELLED */
  ready(signal?: AbortSignal): Promise<void>;
  /** Hands all space to another peer and refuses requests from now on. Resolves when that is saved and sent. */
  leave(): Promise<void>;
  /**
   * Reclaims the space of a dead peer, by nickname or name; resolves with the number of addresses gained. 0 if there is nothing to
   * gain, or another peer gets it. Waits for the consent of all members that are not removed themselves; see `explain`.
   *
   * @throws RingError PEER_ALIVE, CANCELLED (the reclaim goes on)
   */
  reclaim(peer: string, options?: { readonly signal?: AbortSignal }): Promise<number>;
  /** Replaces our ring by that of a network with other seeds, and keeps every address that is free there. @throws RingError NO_FOREIGN_RING */
  join(): Promise<JoinResult>;
  /** The owners of all ranges. */
  ranges(): OwnedRange[];
  /** Calls `fn` after every change of the ring, once it is saved. Returns an unsubscribe function. */
  onRangesChanged(fn: () => void): () => void;
  /** To be called when the mesh has forgotten a peer. */
  peerGone(peer: PeerName): void;
  status(): IpamStatus;
  /** Why requests wait; for one ident, if given, also why they waited. */
  explain(ident?: string): Explanation[];
  /** Calls `fn` when a request starts to wait, or waits for something else. Returns an unsubscribe function. */
  onWaiting(fn: (explanation: Explanation) => void): () => void;
  /** Stops timers and cancels requests; the ring stays ours. Idempotent. */
  close(): void;
}
