import { type Range, sizeOf } from "./address.ts";
import { Books } from "./books.ts";
import type { ConsentMessage } from "./consent-wire.ts";
import type { DonationPolicy } from "./donation.ts";
import { tidyGift } from "./donation.ts";
import { RingError } from "./errors.ts";
import { IntervalSet } from "./interval-set.ts";
import { changedEntries, type Snapshot } from "./journal.ts";
import { type MergeFailure, mergeRings } from "./merge.ts";
import { Outbox } from "./outbox.ts";
import { PaxosNode } from "./paxos.ts";
import type { PeerName, Random } from "./ports.ts";
import { Requests } from "./requests.ts";
import { emptyRing, grant, ownerOf, type Ring, rangesOf, reportFree, seedRing, transfer } from "./ring.ts";
import { isOurs, refill, restoreVote, type Saved } from "./saved.ts";
import { Space } from "./space.ts";
import { Takeovers } from "./takeover.ts";
import { nameWith } from "./waiting.ts";
import type { GossipState, SentRing, UnicastMessage } from "./wire.ts";

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

/**
 * The allocator as a state machine: inputs are method calls, outputs go to the transport and to the requests' callbacks, never
 * before what they follow from is durable. It has no timers and no promises, so a simulation can stop it between any two steps.
 */
export class AllocatorCore {
  readonly options: CoreOptions;
  readonly space: Space = new Space();
  readonly books: Books = new Books();
  readonly outbox: Outbox;
  readonly requests: Requests;
  readonly takeovers: Takeovers;
  /** Never chosen for anonymous requests: exclusions, reserved addresses. */
  readonly avoid: IntervalSet;
  /** Bounded by: peers in the ring, plus those the mesh knows. */
  readonly nicknames: Map<PeerName, string> = new Map();
  /** The last refused ring of a network seeded by others, for an operator who wants to join it. */
  foreign: SentRing | undefined;
  /** Refused rings by cause, for the status. Bounded by: 64, the oldest go first. */
  readonly conflicts: Map<string, MergeFailure> = new Map();
  leaving = false;
  awaitingConsensus = false;
  /** Our vote on the first ring; observers have none. */
  paxos: PaxosNode | undefined;
  #ring: Ring;
  /** The ring as others may see it: what is on disk. */
  #published: Ring;
  /** What the last snapshot had. */
  #lastSaved: Ring;
  #consentSaved = false;

  constructor(options: CoreOptions) {
    this.options = options;
    this.#ring = this.#published = this.#lastSaved = emptyRing(options.universe);
    this.nicknames.set(options.name, options.nickname);
    this.paxos = options.init.kind === "observer" ? undefined : new PaxosNode({ name: options.name, uid: options.uid });
    this.avoid = new IntervalSet(options.avoid);
    for (const address of options.reservations.values()) this.avoid.add(address, address + 1);
    this.outbox = new Outbox((done) => this.#save(done));
    this.requests = new Requests(this);
    this.takeovers = new Takeovers(
      {
        us: options.name,
        ring: () => (this.hasRing ? { ...this.#ring, peer: options.name } : undefined),
        learn: (ring) => this.#mergeRing(ring, undefined),
        others: () => this.#others(),
        isKnown: (peer) => options.isKnownPeer(peer),
        now: () => options.now(),
        mixed: options.mixed,
        transfer: (from) => this.#takeAll(from),
        changed: () => {
          this.#consentSaved = false;
          this.outbox.changed();
        },
        send: (to, message) => this.#sendConsent(to, message),
      },
      () => Math.floor(options.random() * 2 ** 48).toString(36),
    );
  }

  get ring(): Ring {
    return this.#ring;
  }

  get hasRing(): boolean {
    return this.#ring.entries.length > 0;
  }

  /** Takes up a saved state, if it is of this peer and range, or starts afresh. True if it was used. */
  start(saved: Saved | undefined): boolean {
    const { name, universe, init } = this.options;
    const ours = saved !== undefined && isOurs(saved, name, universe);
    if (saved && saved.peer === name) {
      this.takeovers.restore(saved.consent);
      if (this.paxos && saved.vote) this.paxos = restoreVote(saved.vote);
    }
    if (ours) {
      refill(this.books, saved.owned);
      this.#ring = this.#published = saved.ring;
      this.#ringChanged({ announce: false });
      this.requests.reclaimStrays();
    } else if (init.kind === "seed") this.#setRing(seedRing(universe, init.peers));
    this.outbox.changed();
    this.sendState();
    this.#sendConsent("all", this.takeovers.hello());
    this.outbox.pump();
    return ours;
  }

  /** To be called every {@link TICK_MS}: repeats what may have been lost, forgets the dead. */
  tick(): void {
    if (this.leaving) return;
    for (const ident of this.books.takeDead(this.options.now() - DEAD_GRACE_MS)) this.requests.releaseAll(ident);
    if (this.awaitingConsensus && !this.hasRing) this.#propose();
    else if (this.requests.pending > 0 && !this.hasRing) this.establish();
    this.requests.retryAll();
    this.takeovers.tick();
    this.#tidy();
    this.#reportFree();
    this.outbox.pump();
  }

  /** Sees to it that there will be a ring. */
  establish(): void {
    const { init } = this.options;
    if (this.hasRing || this.awaitingConsensus || this.leaving) return;
    this.awaitingConsensus = true;
    if (this.paxos)
      this.paxos.quorum = Math.floor(((init.kind === "consensus" && (init.peers || init.guess())) || 1) / 2) + 1;
    this.#propose();
  }

  // --- the channel of the original ---

  receiveState(source: PeerName | undefined, state: GossipState): void {
    this.#update(source, state);
    this.outbox.pump();
  }

  receiveUnicast(source: PeerName, message: UnicastMessage): void {
    if (message.type === "ringUpdate") {
      this.requests.answered(source, () => this.#update(source, message.state));
    } else if (message.type === "spaceRequest") this.#donate(message.range, source);
    else this.requests.denied(source, message.range);
    this.outbox.pump();
  }

  /** What others may know of us now. */
  state(): GossipState {
    const base = { now: BigInt(Math.floor(this.options.unixSeconds())), nicknames: this.nicknames };
    if (this.#published.entries.length > 0) return { ...base, ring: { ...this.#published, peer: this.options.name } };
    return this.paxos ? { ...base, paxos: this.paxos.state } : base;
  }

  /** Broadcasts our state once all changes are saved. */
  sendState(): void {
    this.outbox.after(() => this.options.transport.broadcast(() => this.state()));
  }

  /** Asks a peer for space; false if no route leads there. Says nothing of our state, so it need not wait for the disk. */
  ask(peer: PeerName, range: Range): boolean {
    return this.options.transport.unicast(peer, { type: "spaceRequest", range });
  }

  // --- the channel of take-overs ---

  receiveConsent(source: PeerName | undefined, message: ConsentMessage): void {
    if (!this.leaving) this.takeovers.receive(source, message);
    this.outbox.pump();
  }

  // --- leaving, joining ---

  /** Gives everything to another peer and refuses requests from now on. `done` runs when it is saved and sent. */
  leave(done: () => void): void {
    if (this.leaving) return done();
    this.leaving = true;
    this.requests.cancelAll();
    const heir = this.#pickHeir();
    if (heir !== undefined && this.hasRing) {
      this.#ring = transfer(this.#ring, this.options.name, heir);
      this.#ringChanged({ announce: true });
      this.takeovers.leave();
    }
    this.space.clear();
    this.outbox.after(done);
    this.outbox.pump();
  }

  /** Gives our ring up for the one of another network. Our addresses are claimed there. @throws RingError NO_FOREIGN_RING */
  joinForeign(done: (address: number, kept: boolean) => void): number[] {
    const { foreign } = this;
    if (!foreign) throw new RingError("NO_FOREIGN_RING", "no ring of another network has been heard of");
    const { peer: _, ...ring } = foreign;
    this.foreign = undefined;
    this.conflicts.clear();
    this.#ring = ring;
    this.#ringChanged({ announce: true });
    const strays = this.requests.reclaimStrays(done);
    this.outbox.pump();
    return strays;
  }

  /** `7a:9f:eb:b6:0c:6e(host1)` */
  nameOf(peer: PeerName): string {
    return nameWith(this.nicknames)(peer);
  }

  /** Text of a peer's last known nickname; a name in hex else. */
  peerGone(peer: PeerName): void {
    if (!this.#ring.entries.some((entry) => entry.peer === peer)) this.nicknames.delete(peer);
  }

  #update(source: PeerName | undefined, state: GossipState): void {
    if (this.leaving) return;
    for (const [peer, nickname] of state.nicknames) this.nicknames.set(peer, nickname);
    if (state.ring) {
      if (!this.takeovers.fenced(state.ring.peer)) this.#mergeRing(state.ring, source ?? state.ring.peer);
    } else if (this.hasRing) {
      if (source !== undefined && !this.takeovers.fenced(source)) this.#sendRing(source);
    } else if (state.paxos) this.#vote(state.paxos);
    else if (source !== undefined && this.paxos) this.establish();
  }

  #vote(known: NonNullable<GossipState["paxos"]>): void {
    if (!this.paxos?.update(known)) return;
    this.outbox.changed();
    if (this.paxos.think()) this.sendState();
    this.#decide();
  }

  #propose(): void {
    this.paxos?.propose();
    this.outbox.changed();
    this.sendState();
    // A quorum of one has consensus at once.
    this.#decide();
  }

  #decide(): void {
    const value = this.paxos?.consensus();
    if (value) this.#setRing(seedRing(this.options.universe, value));
  }

  #setRing(ring: Ring): void {
    this.#ring = ring;
    this.#ringChanged({ announce: true });
  }

  #mergeRing(received: SentRing, from: PeerName | undefined): void {
    const result = mergeRings(this.#ring, received, {
      us: this.options.name,
      hasAllocations: (ranges) => this.space.hasAllocations(ranges),
      tie: "lowest",
    });
    if ("failure" in result) return this.#refuse(result.failure, received, from);
    const changed = result.ring !== this.#ring;
    this.#ring = result.ring;
    if (changed) this.outbox.changed();
    if (!result.updated) return;
    this.#pruneNicknames();
    this.#ringChanged({ announce: false });
  }

  #refuse(failure: MergeFailure, received: SentRing, from: PeerName | undefined): void {
    if (failure.code === "RING_SEEDS") this.foreign = received;
    const known = this.conflicts.has(failure.message);
    if (this.conflicts.size >= 64) this.conflicts.delete(this.conflicts.keys().next().value as string);
    this.conflicts.set(failure.message, failure);
    if (!known) this.options.onConflict?.(failure, from);
  }

  #ringChanged({ announce }: { announce: boolean }): void {
    this.awaitingConsensus = false;
    this.outbox.changed();
    this.space.setRanges(rangesOf(this.#ring, this.options.name));
    for (const address of this.books.addresses()) this.space.claim(address);
    if (announce) this.sendState();
    this.outbox.after(() => this.options.onRing?.());
    this.requests.retryAll();
  }

  /** Answers a request for space: a grant or a refusal, then our ring in any case (notes, 9.6). */
  #donate(range: Range, to: PeerName): void {
    const { name, donate } = this.options;
    if (!this.hasRing || this.leaving || to === name || this.takeovers.fenced(to)) return;
    const single = sizeOf(range) === 1;
    const free = [...this.space.freeRuns(range, single ? undefined : this.avoid)];
    const given = donate({ asked: range, free, ring: this.#ring, us: name, to });
    if (given) this.#give(given, to);
    else this.outbox.after(() => this.options.transport.unicast(to, { type: "spaceRequestDenied", range }));
    // Before everybody else hears of it, so that who asked can tell an answer from news.
    this.#sendRing(to);
    if (given) this.sendState();
  }

  #give(range: Range, to: PeerName): void {
    this.takeovers.expect(to);
    this.space.giveAway(range);
    this.#ring = grant(this.#ring, range, this.options.name, to);
    this.outbox.changed();
    this.outbox.after(() => this.options.onRing?.());
  }

  #tidy(): void {
    if (!this.options.tidy || !this.hasRing) return;
    const keep = Math.max(this.space.used, 1);
    const gift = tidyGift(this.#ring, this.options.name, this.space, keep);
    if (gift && !this.takeovers.fenced(gift.to) && this.options.isKnownPeer(gift.to)) {
      this.#give(gift.range, gift.to);
      this.sendState();
    }
  }

  #takeAll(from: PeerName): number {
    const before = this.space.free;
    this.#ring = transfer(this.#ring, from, this.options.name);
    this.#ringChanged({ announce: true });
    return this.space.free - before;
  }

  #sendRing(to: PeerName): void {
    this.outbox.after(() => this.options.transport.unicast(to, { type: "ringUpdate", state: this.state() }));
  }

  #sendConsent(to: PeerName | "all", message: ConsentMessage): void {
    this.outbox.after(() => this.options.transport.consent(to, message));
  }

  /** Tells the others how much is free here, so that they ask in the right place. */
  #reportFree(): void {
    const ring = reportFree(this.#ring, this.options.name, (range) => this.space.freeIn(range, this.avoid));
    if (ring === this.#ring) return;
    this.#ring = ring;
    this.outbox.changed();
  }

  #save(done: () => void): void {
    this.#ring = reportFree(this.#ring, this.options.name, (range) => this.space.freeIn(range, this.avoid));
    const ring = this.#ring;
    const owned = this.books.takeChanged();
    const entries = this.#consentSaved ? changedEntries(this.#lastSaved, ring) : undefined;
    this.#lastSaved = ring;
    this.#consentSaved = true;
    const snapshot = { full: () => this.#saved(), ...(entries && { patch: { entries, owned } }) };
    this.options.save(snapshot, () => {
      this.#published = ring;
      done();
    });
  }

  #saved(): Saved {
    const ring = this.#ring;
    return {
      format: 1,
      peer: this.options.name,
      ring,
      owned: this.books.list(),
      consent: this.takeovers.saved(),
      ...(this.paxos && ring.entries.length === 0 && { vote: { id: this.paxos.id, known: this.paxos.state } }),
    };
  }

  /** An owner that can be reached, else a peer that can, else any owner, else anybody. */
  #pickHeir(): PeerName | undefined {
    const { name, isKnownPeer } = this.options;
    const owners = this.#ring.entries.map((entry) => entry.peer).filter((peer) => peer !== name);
    const others = [...this.nicknames.keys()].filter((peer) => peer !== name);
    return owners.find(isKnownPeer) ?? others.find(isKnownPeer) ?? owners[0] ?? others[0];
  }

  #others(): PeerName[] {
    const known = [...this.nicknames.keys()].filter((peer) => this.options.isKnownPeer(peer));
    return [...this.#ring.entries.map((entry) => entry.peer), ...known];
  }

  #pruneNicknames(): void {
    const owners = new Set(this.#ring.entries.map((entry) => entry.peer));
    for (const peer of this.nicknames.keys()) {
      if (!owners.has(peer) && peer !== this.options.name && !this.options.isKnownPeer(peer))
        this.nicknames.delete(peer);
    }
  }

  /** Who owns an address of the range; undefined without a ring. */
  ownerOf(address: number): PeerName | undefined {
    return ownerOf(this.#ring, address);
  }
}
