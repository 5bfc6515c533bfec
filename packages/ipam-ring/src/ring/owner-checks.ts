import { formatPeer } from "../peer-name.ts";
import type { PeerName } from "../ports.ts";
import { formatIpv4 } from "../space/address.ts";
import { TICK_MS } from "../timing.ts";
import type { MergeFailure } from "./merge.ts";
import { indexOf, MOST_VERSION, type Ring, raise, type SentRing } from "./ring.ts";
import { type HeldChange, MOST_STEP, vetOwners } from "./vetting.ts";

/** How the checks reach the allocator around them. */
export interface OwnerCheckHost {
  readonly us: PeerName;
  /** Whether the mesh has the peer, so that it can be asked. */
  isKnown(peer: PeerName): boolean;
  /** Whether the peer is being reclaimed. */
  isFenced(peer: PeerName): boolean;
  /** Milliseconds, monotonic. */
  now(): number;
  /** Asks a peer for its ring. */
  askForRing(peer: PeerName): void;
}

/** Where a ring came from. */
export interface Origin {
  /** The peer whose own, first-hand word it is; undefined if a relay encoded it. */
  readonly author: PeerName | undefined;
  /** The neighbour that sent it, as far as that is known: errors name it. */
  readonly from: PeerName | undefined;
}

/** The outcome of the checks on one ring. */
export interface Checked {
  readonly ring: SentRing;
  /** Whether entries were held back. */
  readonly isPartial: boolean;
  /** What an operator should hear of. */
  readonly failures: readonly { readonly failure: MergeFailure; readonly from: PeerName | undefined }[];
  /** Tokens of ours that were claimed by others, with the version that outranks the claim. */
  readonly defended: ReadonlyMap<number, number>;
}

interface Pending {
  readonly change: HeldChange;
  readonly from: PeerName | undefined;
}

/** Changes that wait for the old owner's word, and changes that it denied: more are forgotten, the oldest first. */
const MOST_REMEMBERED = 1024;

/**
 * Decides which changes of owner are merged. A change that its present owner did not announce itself waits until the owner is asked;
 * what the owner denies is refused for good. Of a peer that cannot be reached any word counts, because another peer may have
 * reclaimed its space.
 */
export class OwnerChecks {
  readonly #host: OwnerCheckHost;
  /** Peers whose own ring we have had since they became reachable. Bounded by: peers of the mesh. */
  readonly #settled = new Set<PeerName>();
  /** Peers that may say that we were removed. Bounded by: peers of the mesh. */
  readonly #removers = new Set<PeerName>();
  /** By token. Bounded by: {@link MOST_REMEMBERED}. */
  readonly #pending = new Map<number, Pending>();
  /** Denied claims by token. Bounded by: {@link MOST_REMEMBERED}. */
  readonly #denied = new Map<number, { readonly peer: PeerName; readonly version: number }>();
  /** When an owner was asked last. Bounded by: owners in the ring. */
  readonly #asked = new Map<PeerName, number>();
  /** When a token of ours was defended last. Bounded by: {@link MOST_REMEMBERED}. */
  readonly #defended = new Map<number, number>();

  constructor(host: OwnerCheckHost) {
    this.#host = host;
  }

  /** Whether a peer has shown us its ring since it became reachable. */
  isSettled(peer: PeerName): boolean {
    return this.#settled.has(peer);
  }

  /** Forgets peers that went out of reach: when they are back, they may bring news from while we were apart. */
  forgetUnreachable(): void {
    for (const set of [this.#settled, this.#removers]) {
      for (const peer of set) if (!this.#host.isKnown(peer)) set.delete(peer);
    }
    for (const peer of this.#asked.keys()) if (!this.#host.isKnown(peer)) this.#asked.delete(peer);
    for (const [token, { change }] of this.#pending) if (!this.#host.isKnown(change.owner)) this.#pending.delete(token);
  }

  /** A peer says, first-hand, that we were removed; it counts if the peer was out of reach, and could do so. */
  removedBy(peer: PeerName): boolean {
    if (this.#settled.has(peer)) return false;
    this.#removers.add(peer);
    this.#ask(peer);
    return true;
  }

  /** Whether a ring comes from a peer that says, and shows, that all our space was reclaimed while we were apart. */
  isRemoval(theirs: SentRing, author: PeerName | undefined): boolean {
    if (author === undefined || !this.#removers.has(author)) return false;
    return !theirs.entries.some(({ peer }) => peer === this.#host.us);
  }

  /** Reachable peers that have shown us their rings. */
  settledPeers(): PeerName[] {
    return [...this.#settled].filter((peer) => this.#host.isKnown(peer) && !this.#host.isFenced(peer));
  }

  /** Checks a received ring against ours. */
  check(mine: Ring, theirs: SentRing, { author, from }: Origin, ours: "concede" | "contest" | "defend"): Checked {
    const { ring, held } = vetOwners(mine, theirs, author, (owner, { token, peer, version }) => {
      if (owner === this.#host.us) return ours === "concede";
      if (owner === author) return true;
      const denied = this.#denied.get(token);
      if (denied?.peer === peer && denied.version === version) return false;
      return !this.#host.isKnown(owner) || this.#host.isFenced(owner);
    });
    const failures: { failure: MergeFailure; from: PeerName | undefined }[] = [];
    const defended = new Map<number, number>();
    for (const change of held) {
      if (change.owner === this.#host.us) {
        if (ours === "contest") continue;
        failures.push({ failure: claimFailure(change, "which is ours"), from });
        this.#defend(change, defended);
      } else if (change.entry.version > MOST_VERSION || change.owner === author) {
        failures.push({ failure: claimFailure(change, "with an impossible version"), from });
      } else this.#hold(change, from);
    }
    if (author !== undefined) this.#compare(ring, author, failures);
    return { ring, isPartial: held.length > 0, failures, defended };
  }

  /** Called once a peer's own ring has been merged. */
  settle(author: PeerName | undefined): void {
    if (author !== undefined && this.#host.isKnown(author)) this.#settled.add(author);
  }

  #hold(change: HeldChange, from: PeerName | undefined): void {
    const { token, peer, version } = change.entry;
    const denied = this.#denied.get(token);
    if (denied?.peer === peer && denied.version === version) return;
    remember(this.#pending, token, { change, from });
    this.#ask(change.owner);
  }

  #ask(owner: PeerName): void {
    const now = this.#host.now();
    const last = this.#asked.get(owner);
    if (last !== undefined && now - last < TICK_MS) return;
    this.#asked.set(owner, now);
    this.#host.askForRing(owner);
  }

  /** Denies the pending changes that their owner's own ring does not have. */
  #compare(ring: Ring, author: PeerName, failures: { failure: MergeFailure; from: PeerName | undefined }[]): void {
    for (const [token, { change, from }] of this.#pending) {
      if (change.owner !== author) continue;
      this.#pending.delete(token);
      const { peer, version } = change.entry;
      const now = ring.entries[indexOf(ring, token)];
      if (now?.peer !== author || (now.token === token && peer === author)) continue;
      remember(this.#denied, token, { peer, version });
      failures.push({ failure: claimFailure(change, `which ${formatPeer(author)} denies`), from });
    }
  }

  /** Raises our version above a claim, once a tick: so peers that believed it come back, Weave Net's too. */
  #defend({ entry, mine }: HeldChange, defended: Map<number, number>): void {
    if (!mine || entry.version < mine.version) return;
    // Further than this the other peers would not follow us.
    if (entry.version >= Math.min(mine.version + MOST_STEP, MOST_VERSION)) return;
    const now = this.#host.now();
    const last = this.#defended.get(entry.token);
    if (last !== undefined && now - last < TICK_MS) return;
    remember(this.#defended, entry.token, now);
    defended.set(entry.token, raise(entry.version));
  }
}

function claimFailure({ entry, mine }: HeldChange, why: string): MergeFailure {
  const message = `Peer ${formatPeer(entry.peer)} is said to own the IP range from ${formatIpv4(entry.token)} v${entry.version}, ${why}`;
  return { code: "RING_CONFLICT", message, theirs: entry, ...(mine && { mine }) };
}

function remember<K, V>(map: Map<K, V>, key: K, value: V): void {
  map.delete(key);
  if (map.size >= MOST_REMEMBERED) map.delete(map.keys().next().value as K);
  map.set(key, value);
}
