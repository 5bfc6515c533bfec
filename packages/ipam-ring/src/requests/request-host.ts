import type { PeerName, Random } from "../ports.ts";
import type { Ring } from "../ring/ring.ts";
import type { Range } from "../space/address.ts";
import type { Allocations } from "../space/allocations.ts";
import type { IntervalSet } from "../space/interval-set.ts";
import type { Space } from "../space/space.ts";
import type { WaitReason } from "./waiting.ts";

/** How requests reach the allocator around them. */
export interface RequestHost {
  ring(): Ring;
  /** Starts what brings the first ring about, if there is none. */
  ensureRing(): void;
  /** Whether named peers have not been heard from yet, so that nothing may be allocated. */
  isStarting(): boolean;
  /** Why nothing can be allocated yet: the start waits for peers, or there is no ring. */
  whyWaiting(): WaitReason;
  /** Sends a space request to a peer; false if no route leads there. */
  ask(peer: PeerName, range: Range): boolean;
  /** Notes that our allocations have changed and must be saved. */
  changed(): void;
  /** Runs `fn` once everything changed so far is durable. */
  afterSave(fn: () => void): void;
}

/** What requests work on. */
export interface RequestContext {
  readonly us: PeerName;
  readonly universe: Range;
  /** Addresses that are never chosen; a claim may name one. */
  readonly avoid: IntervalSet;
  /** Workloads that always get the same address. */
  readonly reservations: ReadonlyMap<string, number>;
  readonly space: Space;
  readonly allocations: Allocations;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
  readonly random: Random;
  /** `7a:9f:eb:b6:0c:6e(host1)` */
  readonly nameOf: (peer: PeerName) => string;
  readonly nicknameOf: (peer: PeerName) => string | undefined;
}
