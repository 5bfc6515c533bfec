import { Founding } from "../consensus/bootstrap.ts";
import { Outbox } from "../durability/outbox.ts";
import { Published } from "../durability/published.ts";
import { isOurs, refill, type Saved } from "../durability/saved.ts";
import type { PeerName } from "../ports.ts";
import { type TakeoverHost, Takeovers } from "../reclaim/reclaims.ts";
import { Requests } from "../requests/requests.ts";
import { Conflicts } from "../ring/conflicts.ts";
import { donate, type Giver, tidyUp } from "../ring/granting.ts";
import { mergeRings } from "../ring/merge.ts";
import { emptyRing, grant, ownerOf, type Ring, rangesOf, reportFree, transfer } from "../ring/ring.ts";
import type { Range } from "../space/address.ts";
import { Books } from "../space/allocations.ts";
import { IntervalSet } from "../space/interval-set.ts";
import { Space } from "../space/space.ts";
import type { GossipState, SentRing, UnicastMessage } from "../wire/allocation-wire.ts";
import type { ConsentMessage } from "../wire/consent-wire.ts";
import { type CoreOptions, DEAD_GRACE_MS } from "./core-options.ts";
import { Acquaintances } from "./known-peers.ts";

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
  readonly acquaintances: Acquaintances;
  readonly conflicts: Conflicts = new Conflicts();
  leaving = false;
  readonly founding: Founding;
  readonly #giver: Giver;
  #ring: Ring;
  readonly #published: Published;
  /** What others asked for before we had heard of the ring. Bounded by: peers of the mesh; emptied when there is a ring. */
  readonly #early = new Map<PeerName, Range>();

  constructor(options: CoreOptions) {
    this.options = options;
    const { name, uid, init, universe, nickname, isKnownPeer } = options;
    this.#ring = emptyRing(universe);
    this.#published = new Published(universe, options.save);
    this.acquaintances = new Acquaintances(name, nickname, isKnownPeer);
    this.founding = new Founding({
      ...{ name, uid, init, universe },
      changed: () => this.outbox.changed(),
      announce: () => this.sendState(),
      found: (ring) => this.setRing(ring),
    });
    this.avoid = new IntervalSet(options.avoid);
    for (const address of options.reservations.values()) this.avoid.add(address, address + 1);
    this.outbox = new Outbox((done) => this.#save(done));
    this.requests = new Requests(this);
    this.#giver = {
      us: name,
      policy: options.donate,
      space: this.space,
      avoid: this.avoid,
      ring: () => this.#ring,
      worthy: (peer) => !this.takeovers.fenced(peer) && isKnownPeer(peer),
      give: (range, to) => this.#give(range, to),
    };
    this.takeovers = new Takeovers(this.#takeoverHost(), () => Math.floor(options.random() * 2 ** 48).toString(36));
  }

  #takeoverHost(): TakeoverHost {
    const { name, mixed, now, isKnownPeer } = this.options;
    return {
      ...{ us: name, mixed, now, isKnown: isKnownPeer },
      ring: () => (this.hasRing ? { ...this.#ring, peer: name } : undefined),
      learn: (ring) => this.#mergeRing(ring, undefined),
      others: () => this.acquaintances.all(this.owners()),
      transfer: (from) => this.#takeAll(from),
      changed: () => {
        this.#published.needsFull();
        this.outbox.changed();
      },
      send: (to, message) => this.#sendConsent(to, message),
    };
  }

  get ring(): Ring {
    return this.#ring;
  }

  get hasRing(): boolean {
    return this.#ring.entries.length > 0;
  }

  /** Takes up a saved state, if it is of this peer and range, or starts afresh. True if it was used. */
  start(saved: Saved | undefined): boolean {
    const { name, universe } = this.options;
    const ours = saved !== undefined && isOurs(saved, name, universe);
    if (saved && saved.peer === name) {
      this.takeovers.restore(saved.consent);
      this.founding.restore(saved.vote);
    }
    if (ours) {
      refill(this.books, saved.owned);
      this.#ring = saved.ring;
      this.#published.restore(saved.ring);
      this.#ringChanged({ announce: false });
      this.requests.reclaimStrays();
    } else this.founding.start();
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
    if (this.founding.awaiting && !this.hasRing) this.founding.propose();
    else if (this.requests.pending > 0 && !this.hasRing) this.establish();
    this.requests.retryAll();
    this.takeovers.tick();
    if (this.options.tidy && this.hasRing && tidyUp(this.#giver)) this.sendState();
    this.#reportFree();
    this.outbox.pump();
  }

  /** Sees to it that there will be a ring. */
  establish(): void {
    if (!this.hasRing && !this.leaving) this.founding.begin();
  }

  // --- the channel of the original ---

  receiveState(source: PeerName | undefined, state: GossipState): void {
    this.#update(source, state);
    this.outbox.pump();
  }

  receiveUnicast(source: PeerName, message: UnicastMessage): void {
    if (message.type === "ringUpdate") {
      this.requests.answered(source, () => this.#update(source, message.state));
    } else if (message.type === "spaceRequest") this.#answer(message.range, source);
    else this.requests.denied(source, message.range);
    this.outbox.pump();
  }

  /** What others may know of us now. */
  state(): GossipState {
    const base = { now: BigInt(Math.floor(this.options.unixSeconds())), nicknames: this.acquaintances.nicknames };
    const { ring, vote } = this.#published;
    if (ring.entries.length > 0) return { ...base, ring: { ...ring, peer: this.options.name } };
    return vote ? { ...base, paxos: vote } : base;
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

  /** `7a:9f:eb:b6:0c:6e(host1)` */
  nameOf(peer: PeerName): string {
    return this.acquaintances.nameOf(peer);
  }

  #update(source: PeerName | undefined, state: GossipState): void {
    if (this.leaving) return;
    this.acquaintances.learn(state.nicknames);
    if (state.ring) {
      if (!this.takeovers.fenced(state.ring.peer)) this.#mergeRing(state.ring, source ?? state.ring.peer);
    } else if (this.hasRing) {
      if (source !== undefined && !this.takeovers.fenced(source)) this.#sendRing(source);
    } else if (state.paxos) this.founding.learn(state.paxos);
    else if (source !== undefined && this.founding.paxos) this.establish();
  }

  /** Takes up another ring, whatever ours was, and tells everybody. */
  setRing(ring: Ring): void {
    this.#ring = ring;
    this.#ringChanged({ announce: true });
  }

  #mergeRing(received: SentRing, from: PeerName | undefined): void {
    const result = mergeRings(this.#ring, received, {
      us: this.options.name,
      hasAllocations: (ranges) => this.space.hasAllocations(ranges),
      tie: "lowest",
    });
    if ("failure" in result) {
      if (this.conflicts.add(result.failure, received)) this.options.onConflict?.(result.failure, from);
      return;
    }
    this.conflicts.agrees(received.peer);
    const changed = result.ring !== this.#ring;
    this.#ring = result.ring;
    if (changed) this.outbox.changed();
    if (!result.updated) return;
    this.acquaintances.prune(this.owners());
    this.#ringChanged({ announce: false });
  }

  #ringChanged({ announce }: { announce: boolean }): void {
    this.founding.end();
    this.outbox.changed();
    this.space.setRanges(rangesOf(this.#ring, this.options.name));
    for (const address of this.books.addresses()) this.space.claim(address);
    if (announce) this.sendState();
    this.outbox.after(() => this.options.onRing?.());
    this.requests.retryAll();
    if (!this.hasRing) return;
    const early = [...this.#early];
    this.#early.clear();
    // Who has gone meanwhile would take space with it.
    for (const [peer, range] of early) if (this.options.isKnownPeer(peer)) this.#answer(range, peer);
  }

  /** Answers a request for space: a grant or a refusal, then our ring in any case (notes, 9.6). */
  #answer(range: Range, to: PeerName): void {
    if (this.leaving || to === this.options.name || this.takeovers.fenced(to)) return;
    if (!this.hasRing) {
      // Who decided the vote is ahead of us by a message: it would wait for its next tick.
      this.#early.set(to, range);
      return;
    }
    const given = donate(this.#giver, range, to);
    if (!given) this.outbox.after(() => this.options.transport.unicast(to, { type: "spaceRequestDenied", range }));
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

  #takeAll(from: PeerName): number {
    const before = this.space.free;
    this.setRing(transfer(this.#ring, from, this.options.name));
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
    const ring = this.#withFree();
    if (ring === this.#ring) return;
    this.#ring = ring;
    this.outbox.changed();
  }

  #withFree(): Ring {
    return reportFree(this.#ring, this.options.name, (range) => this.space.freeIn(range, this.avoid));
  }

  #save(done: () => void): void {
    this.#ring = this.#withFree();
    const draft = { ring: this.#ring, vote: this.founding.paxos?.state, owned: this.books.takeChanged() };
    this.#published.save({ ...draft, full: () => this.#saved() }, done);
  }

  #saved(): Saved {
    const ring = this.#ring;
    return {
      format: 1,
      peer: this.options.name,
      ring,
      owned: this.books.list(),
      consent: this.takeovers.saved(),
      ...(ring.entries.length === 0 && this.founding.saved()),
    };
  }

  /** Peers that own something, once for every entry. */
  owners(): PeerName[] {
    return this.#ring.entries.map(({ peer }) => peer);
  }

  /** Who owns an address of the range; undefined without a ring. */
  ownerOf(address: number): PeerName | undefined {
    return ownerOf(this.#ring, address);
  }
}
