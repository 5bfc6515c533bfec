/**
 * IP address allocation for many hosts without a database.
 *
 * The hosts share one range as a ring: each owns parts of it, hands out addresses of its own parts without asking anybody, and asks
 * others for space when it has none. Gossip carries the ring; versions and single ownership make its copies converge.
 *
 * @example
 * ```ts
 * const ipam = await createAllocator({ name: 1, uid: 1n, nickname: "h1", universe: "10.32.0.0/12", init, clock, random, store, isKnownPeer });
 * ipam.attach(mesh.openChannel("IPallocation", ipam.gossip), mesh.openChannel("IPtakeover", ipam.consent));
 * ipam.start();
 * const { address, prefixLength } = await ipam.allocate("container-1");
 * ```
 * @packageDocumentation
 */

export { createAllocator } from "./allocator.ts";
export type { Allocator, JoinResult, WaitOptions } from "./api.ts";
export type { RingOrigin } from "./consensus/origin.ts";
export type { StartupPeers } from "./core/startup.ts";
export { RingError, type RingErrorCode } from "./errors.ts";
export type { AllocatorOptions } from "./options.ts";
export type {
  Clock,
  GossipData,
  GossipHandler,
  GossipSender,
  Logger,
  Metrics,
  OwnedRange,
  PeerName,
  Random,
  Store,
} from "./ports.ts";
export type { ReclaimPolicy } from "./reclaim/auto-reclaim.ts";
export type { Asked, Explanation, WaitReason } from "./requests/waiting.ts";
export type { Cidr, Range } from "./space/address.ts";
export type { OwnedAddresses } from "./space/allocations.ts";
export type { EntryReport, IpamReport, IpamStatus } from "./status.ts";
export { ALLOCATION_CHANNEL } from "./wire/allocation-wire.ts";
export { CONSENT_CHANNEL } from "./wire/consent-wire.ts";
