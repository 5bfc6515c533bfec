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

/** What joining another network did to this host's addresses. */
export interface JoinResult {
  readonly kept: readonly string[];
  /** In use there, too: the containers here must be given others. */
  readonly conflicts: readonly string[];
}

/** Addresses for the containers of one host. Made by `createAllocator`. */
export interface Allocator {
  /** Channel `IPallocation`: what to do with its gossip. */
  readonly gossip: GossipHandler;
  /** Channel `IPtakeover`, ours alone; without it a take-over asks nobody, as the original's. */
  readonly consent: GossipHandler;
  readonly defaultSubnet: Cidr;
  /** Connects the channels; call before {@link Allocator.start}. */
  attach(sender: GossipSender, consent?: GossipSender): void;
  /** Starts: claims what is left of an earlier life, announces itself, ticks every 5 s. */
  start(): void;
  /**
   * An address for an ident; the same again while it holds one in the subnet. Ident `_` files it under its own text.
   *
   * @throws RingError CANCELLED, OUT_OF_RANGE, INVALID; ADDRESS_TAKEN for a reserved ident only
   */
  allocate(ident: string, subnet?: Cidr, options?: WaitOptions): Promise<Cidr>;
  /**
   * This very address for an ident. Outside the universe it is only written down.
   *
   * @throws RingError CANCELLED, ADDRESS_TAKEN, INVALID
   */
  claim(ident: string, cidr: Cidr, options?: WaitOptions): Promise<void>;
  /** Addresses of an ident in a subnet, whose first and last address do not count. */
  lookup(ident: string, subnet?: Cidr): Cidr[];
  /** Everything handed out here, in the order of asking. */
  owned(): OwnedAddresses[];
  /** Takes one address or all from an ident. @throws RingError NOT_HELD */
  release(ident: string, address?: string): void;
  /** Its addresses are kept for 30 s, its requests cancelled. */
  containerDied(ident: string): void;
  /** Its addresses are free at once. */
  containerDestroyed(ident: string): void;
  containerStarted(ident: string): void;
  /** Releases containers' addresses whose ident is not among the living; for the start, when deaths may have been missed. */
  keepOnly(idents: Iterable<string>): void;
  /** Resolves when there is a ring; starts the vote if there is none. @throws RingError CANCELLED */
  ready(signal?: AbortSignal): Promise<void>;
  /** Hands all space to another peer, refuses requests from now on. Resolves when saved and sent. */
  leave(): Promise<void>;
  /**
   * Takes over the space of a dead peer, by nickname or name; the number of addresses gained. 0 if there is nothing to gain,
   * or another peer takes it. Waits for the consent of all members not removed themselves; see `explain`.
   *
   * @throws RingError PEER_ALIVE, CANCELLED (the take-over goes on)
   */
  takeOver(who: string, options?: { readonly signal?: AbortSignal }): Promise<number>;
  /** Gives our ring up for that of a network seeded apart, keeping every address that is free there. @throws RingError NO_FOREIGN_RING */
  join(): Promise<JoinResult>;
  /** Who owns what. */
  ranges(): OwnedRange[];
  /** Called after every change of the ring, once it is saved. Returns how to stop it. */
  onRangesChanged(fn: () => void): () => void;
  /** The mesh has forgotten a peer. */
  peerGone(peer: PeerName): void;
  status(): IpamStatus;
  /** Why requests wait or waited; those of one ident, if given. */
  explain(ident?: string): Explanation[];
  /** Called when a request starts to wait, or waits for something else. Returns how to stop it. */
  onWaiting(fn: (explanation: Explanation) => void): () => void;
  /** Stops timers and cancels requests; the ring stays ours. Idempotent. */
  close(): void;
}
