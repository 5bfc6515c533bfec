import { Bootstrap } from "../consensus/bootstrap.ts";
import { Outbox } from "../durability/outbox.ts";
import { isOurs, refill, type Saved } from "../durability/saved.ts";
import { KnownPeers } from "../known-peers.ts";
import type { PeerName } from "../ports.ts";
import { type ReclaimOutcome, Reclaims } from "../reclaim/reclaims.ts";
import type { RequestOptions, Settle } from "../requests/request.ts";
import { Requests } from "../requests/requests.ts";
import type { WaitReason } from "../requests/waiting.ts";
import { type Granter, grantRequested, grantUnasked } from "../ring/granting.ts";
import type { Origin } from "../ring/owner-checks.ts";
import type { Ring } from "../ring/ring.ts";
import type { Cidr, Range } from "../space/address.ts";
import { DEAD_GRACE_MS, TICK_MS } from "../timing.ts";
import type { GossipState, UnicastMessage } from "../wire/allocation-wire.ts";
import type { ConsentMessage } from "../wire/consent-wire.ts";
import type { CoreOptions } from "./core-options.ts";
import { Replica } from "./replica.ts";
import { Startup } from "./startup.ts";

/** Claims of more addresses than this are not remembered. */
const MOST_CLAIMED = 1024;

/** An address in use on two hosts. */
export interface ContestedAddress {
  readonly address: number;
  /** Holder on this host. */
  readonly ident: string;
  /** The other host. */
  readonly peer: PeerName;
  /** Whether this host owns the address by the ring. */
  readonly isOurs: boolean;
}

/**
 * The allocator as a state machine: inputs are method calls, outputs go to the transport and to the requests' callbacks, never
 * before what they follow from is durable. It has no timers and no promises, so a simulation can stop it between any two steps.
 */
export class AllocatorCore {
  readonly options: CoreOptions;
  readonly replica: Replica;
  readonly requests: Requests;
  readonly reclaims: Reclaims;
  readonly knownPeers: KnownPeers;
  readonly bootstrap: Bootstrap;
  readonly startup: Startup;
  readonly #outbox: Outbox;
  readonly #granter: Granter;
  #leaving = false;
  /** Claims of addresses in use here. Bounded by: {@link MOST_CLAIMED}. */
  readonly #claimedFrom = new Map<number, { readonly by: PeerName; readonly at: number }>();
  /** Space requests that came too early to be answered. Bounded by: peers of the mesh; emptied when we may answer. */
  readonly #early = new Map<PeerName, Range>();

  constructor(options: CoreOptions) {
    this.options = options;
    const { name, nickname, isKnownPeer } = options;
    this.#outbox = new Outbox((done) => this.#save(done));
    this.startup = new Startup(options.startupPeers, options.now);
    this.replica = new Replica(options, {
      outbox: this.#outbox,
      onChanged: () => this.#ringChanged(),
      isFenced: (peer) => this.reclaims.isFenced(peer),
      isStarting: () => !this.startup.isOpen,
      askForRing: (peer) => this.#askForRing(peer),
    });
    this.knownPeers = new KnownPeers(name, nickname, isKnownPeer);
    this.bootstrap = this.#createBootstrap();
    this.#granter = this.#createGranter();
    this.reclaims = this.#createReclaims();
    this.requests = this.#createRequests();
  }

  #createBootstrap(): Bootstrap {
    const { name, uid, init, universe } = this.options;
    return new Bootstrap({
      name,
      uid,
      init,
      universe,
      now: () => this.options.now(),
      changed: () => this.#outbox.changed(),
      announce: () => this.#announce(),
      adopt: (ring) => this.#adopt(ring),
    });
  }

  #createGranter(): Granter {
    const { name, grantPolicy, isKnownPeer } = this.options;
    return {
      us: name,
      policy: grantPolicy,
      space: this.replica.space,
      avoid: this.replica.avoid,
      ring: () => this.replica.ring,
      mayReceive: (peer) => !this.reclaims.isFenced(peer) && isKnownPeer(peer),
      grant: (range, to) => {
        this.reclaims.expect(to);
        this.replica.grant(range, to);
      },
    };
  }

  #createReclaims(): Reclaims {
    const { name, mixed, now, isKnownPeer, random } = this.options;
    return new Reclaims(
      {
        us: name,
        mixed,
        now,
        isKnown: isKnownPeer,
        ring: () => (this.hasRing ? { ...this.replica.ring, peer: name } : undefined),
        learn: (ring, from) => this.replica.merge(ring, { author: ring.peer === from ? from : undefined, from }),
        removedBy: (peer) => this.replica.checks.removedBy(peer),
        others: () => this.knownPeers.all(this.replica.owners()),
        transfer: (from) => {
          const gained = this.replica.transfer(from, name);
          this.#announce();
          return gained;
        },
        changed: () => {
          this.replica.needsFullSave();
          this.#outbox.changed();
        },
        send: (to, message) => this.#sendConsent(to, message),
      },
      () => Math.floor(random() * 2 ** 48).toString(36),
    );
  }

  #createRequests(): Requests {
    const { name, universe, reservations, now, random, transport } = this.options;
    const { space, allocations, avoid } = this.replica;
    const nameOf = (peer: PeerName): string => this.knownPeers.nameOf(peer);
    const nicknameOf = (peer: PeerName): string | undefined => this.knownPeers.nicknames.get(peer);
    return new Requests(
      { us: name, universe, reservations, now, random, space, allocations, avoid, nameOf, nicknameOf },
      {
        ring: () => this.replica.ring,
        isStarting: () => !this.startup.isOpen,
        ensureRing: () => this.#ensureRing(),
        whyWaiting: () => this.#whyWaiting(),
        // A space request reveals nothing of our state, so it need not wait for the disk.
        ask: (peer, range) => transport.unicast(peer, { type: "spaceRequest", range }),
        changed: () => this.#outbox.changed(),
        afterSave: (fn) => this.#outbox.after(fn),
      },
    );
  }

  get hasRing(): boolean {
    return this.replica.exists;
  }

  /** Whether everything has been handed over: requests are refused from then on. */
  get leaving(): boolean {
    return this.#leaving;
  }

  /** Restores a saved state, if it is of this peer and range, or starts without one. True if it was used. */
  start(saved: Saved | undefined): boolean {
    return this.#outbox.act(() => {
      const { name, universe } = this.options;
      const ours = saved !== undefined && isOurs(saved, name, universe);
      if (saved && saved.peer === name) {
        this.reclaims.restore(saved.consent);
        this.bootstrap.restore(saved.vote);
      }
      if (ours) {
        refill(this.replica.allocations, saved.owned);
        this.replica.restore(saved.ring);
        this.requests.claimDisplaced();
      } else if (this.startup.check() || this.startup.isOpen) this.bootstrap.start();
      this.#outbox.changed();
      // Voters take the empty state of an observer for a request of space. While the start waits, it has none; a ring comes by
      // the gossip of the first neighbour.
      if (this.hasRing || this.bootstrap.paxos || this.startup.isOpen) this.#announce();
      this.#sendConsent("all", this.reclaims.hello());
      return ours;
    });
  }

  /** To be called every {@link TICK_MS}: repeats messages that may have been lost, releases addresses of dead containers. */
  tick(): void {
    if (this.#leaving) return;
    this.#outbox.act(() => {
      this.#checkStartup();
      const dead = this.replica.allocations.takeDead(this.options.now() - DEAD_GRACE_MS);
      for (const ident of dead) this.requests.releaseAll(ident);
      if (this.bootstrap.isNeeded && !this.hasRing) this.bootstrap.propose();
      else if (this.requests.pending > 0) this.#ensureRing();
      this.replica.checks.forgetUnreachable();
      this.requests.claimDisplaced();
      this.#followContests();
      this.requests.retryAll();
      this.reclaims.tick();
      if (
        this.options.tidy &&
        this.startup.isOpen &&
        this.hasRing &&
        this.replica.contests.isEmpty &&
        grantUnasked(this.#granter)
      )
        this.#announce();
      this.replica.reportFree();
    });
  }

  /** To be called while the start waits for peers, as often as something may have changed. Returns whether it still waits. */
  checkStartup(): boolean {
    this.#outbox.act(() => this.#checkStartup());
    return !this.startup.isOpen;
  }

  #checkStartup(): void {
    if (this.#leaving || !this.startup.check()) return;
    if (!this.hasRing) this.bootstrap.start();
    this.requests.retryAll();
    this.#answerEarly();
  }

  /** To be called when the mesh has forgotten a peer. */
  peerGone(peer: PeerName): void {
    this.knownPeers.forget(peer, this.replica.owners());
    this.replica.checks.forgetUnreachable();
  }

  // --- requests of this host ---

  allocate(ident: string, subnet: Cidr, options: RequestOptions, settle: Settle<Cidr>): () => void {
    return this.#cancellable(() => this.requests.allocate(ident, subnet, options, settle));
  }

  claim(ident: string, cidr: Cidr, options: RequestOptions, settle: Settle<Cidr>): () => void {
    return this.#cancellable(() => this.requests.claim(ident, cidr, options, settle));
  }

  /** Waits for a ring. */
  prime(settle: Settle<Cidr>): () => void {
    return this.#cancellable(() => this.requests.prime(settle));
  }

  #cancellable(begin: () => () => void): () => void {
    const cancel = this.#outbox.act(begin);
    return () => this.#outbox.act(cancel);
  }

  /** @throws RingError NOT_HELD */
  release(ident: string, address: number): void {
    this.#outbox.act(() => this.requests.release(ident, address));
  }

  /** Releases all addresses of an ident; returns how many there were. */
  releaseAll(ident: string): number {
    return this.#outbox.act(() => this.requests.releaseAll(ident));
  }

  cancelFor(ident: string): void {
    this.#outbox.act(() => this.requests.cancelFor(ident));
  }

  /** Cancels all requests, and those made from now on. */
  close(): void {
    this.#outbox.act(() => this.requests.close());
  }

  // --- changes of owners by order of an operator ---

  /** Reclaims the space of a peer that is dead, by word of the caller. `done` runs once the outcome is saved. */
  reclaim(dead: PeerName, done: (outcome: ReclaimOutcome) => void): void {
    this.#outbox.act(() => this.reclaims.claim(dead, (outcome) => this.#outbox.after(() => done(outcome))));
  }

  /** Hands everything to another peer and refuses requests from now on. `done` runs when that is saved and sent. */
  leave(done: () => void): void {
    if (this.#leaving) return done();
    this.#outbox.act(() => {
      this.#leaving = true;
      this.requests.close();
      const successor = this.knownPeers.successor(this.replica.owners());
      if (successor !== undefined && this.hasRing) {
        this.replica.transfer(this.options.name, successor);
        this.#announce();
        this.reclaims.leave();
      }
      this.replica.space.clear();
      this.#outbox.after(done);
    });
  }

  /** Replaces our ring by that of another network and claims our addresses there; returns the claimed ones. */
  join(ring: Ring, done: (address: number, isKept: boolean) => void): number[] {
    return this.#outbox.act(() => {
      this.replica.conflicts.clear();
      this.#adopt(ring);
      return this.requests.claimDisplaced(done);
    });
  }

  // --- the channel of Weave Net ---

  /**
   * Takes a broadcast, or gossip without a source.
   *
   * @param neighbour - the peer at the other end of the link, if that is known
   */
  receiveState(source: PeerName | undefined, state: GossipState, neighbour?: PeerName): void {
    // A relay encodes its own state, so a ring is first-hand if its encoder is the neighbour.
    const peer = state.ring?.peer;
    const author = neighbour === undefined || neighbour === peer ? peer : undefined;
    this.#outbox.act(() => this.#update(source, state, { author, from: neighbour ?? source ?? peer }));
  }

  receiveUnicast(source: PeerName, message: UnicastMessage, neighbour?: PeerName): void {
    this.#outbox.act(() => {
      if (message.type === "ringUpdate") this.#receiveRing(source, message.state, neighbour ?? source);
      else if (message.type === "spaceRequest") this.#answer(message.range, source);
      else this.requests.denied(source, message.range);
    });
  }

  #receiveRing(source: PeerName, state: GossipState, from: PeerName): void {
    const author = state.ring?.peer === source ? source : undefined;
    const update = (): void => this.#update(source, state, { author, from });
    // Without a ring it is a question, not the answer to a space request.
    if (state.ring) this.requests.answered(source, update);
    else update();
  }

  /** The state that others may know now. */
  state(): GossipState {
    const base = { now: BigInt(Math.floor(this.options.unixSeconds())), nicknames: this.knownPeers.nicknames };
    const { ring, vote } = this.replica.published;
    if (ring.entries.length > 0) return { ...base, ring: { ...ring, peer: this.options.name } };
    return vote ? { ...base, paxos: vote } : base;
  }

  // --- the channel of reclaims ---

  receiveConsent(source: PeerName | undefined, message: ConsentMessage): void {
    if (!this.#leaving) this.#outbox.act(() => this.reclaims.receive(source, message));
  }

  #ensureRing(): void {
    if (!this.hasRing && !this.#leaving && this.startup.isOpen) this.bootstrap.begin();
  }

  #whyWaiting(): WaitReason {
    if (!this.startup.isOpen) return { code: "STARTING", ...this.startup.waitingFor() };
    const { paxos } = this.bootstrap;
    return paxos ? { code: "CONSENSUS", quorum: paxos.quorum, votes: paxos.supporters() } : { code: "OBSERVER" };
  }

  /** Broadcasts our state once all changes are saved. */
  #announce(): void {
    this.#outbox.after(() => this.options.transport.broadcast(() => this.state()));
  }

  /** Replaces our ring by another one, and announces it. */
  #adopt(ring: Ring): void {
    this.replica.adopt(ring);
    this.#announce();
  }

  #update(source: PeerName | undefined, state: GossipState, origin: Origin): void {
    if (this.#leaving) return;
    this.#merge(source, state, origin);
    this.startup.heard(origin.from);
    this.#checkStartup();
  }

  #merge(source: PeerName | undefined, state: GossipState, origin: Origin): void {
    this.knownPeers.learn(state.nicknames);
    if (state.ring) {
      if (!this.reclaims.isFenced(state.ring.peer)) this.replica.merge(state.ring, origin);
    } else if (this.hasRing) {
      if (source !== undefined && !this.reclaims.isFenced(source)) this.#sendRing(source);
    } else if (state.paxos) this.bootstrap.learn(state.paxos.filter(({ node }) => this.#mayVote(node.name)));
    else if (source !== undefined && this.bootstrap.paxos) this.#ensureRing();
  }

  /** Only a peer of the mesh has proved that it belongs to the network. */
  #mayVote(peer: PeerName): boolean {
    return peer === this.options.name || this.options.isKnownPeer(peer);
  }

  #ringChanged(): void {
    this.bootstrap.end();
    this.knownPeers.prune(this.replica.owners());
    this.requests.retryAll();
    if (this.hasRing) this.#answerEarly();
  }

  #answerEarly(): void {
    const early = [...this.#early];
    this.#early.clear();
    // A peer that has gone meanwhile would take space with it.
    for (const [peer, range] of early) if (this.options.isKnownPeer(peer)) this.#answer(range, peer);
  }

  /** Answers a space request: a grant or a refusal, then our ring in any case (docs/protocol/ipam.md#9.6). */
  #answer(range: Range, to: PeerName): void {
    if (this.#leaving || to === this.options.name || this.reclaims.isFenced(to)) return;
    if (!this.hasRing || !this.startup.isOpen) {
      // The peer that decided the vote is ahead of us by a message; without this answer it would wait for its next tick.
      this.#early.set(to, range);
      return;
    }
    this.#noteContested(range, to);
    const granted = !this.replica.contests.covers(range) && grantRequested(this.#granter, range, to);
    if (!granted) this.#outbox.after(() => this.options.transport.unicast(to, { type: "spaceRequestDenied", range }));
    // Before all others hear of it, so that the requester can tell an answer from news.
    this.#sendRing(to);
    if (granted) this.#announce();
  }

  /** Asks a peer for its ring: to a state without a ring every peer that has one answers with it, Weave Net's too. */
  #askForRing(to: PeerName): void {
    const { nicknames } = this.knownPeers;
    const now = BigInt(Math.floor(this.options.unixSeconds()));
    this.options.transport.unicast(to, { type: "ringUpdate", state: { now, nicknames, paxos: [] } });
  }

  /** Claims the addresses of our containers in contested space, and looks whether the contests are over. */
  #followContests(): void {
    const { contests } = this.replica;
    for (const by of contests.peers()) {
      if (!this.options.isKnownPeer(by)) contests.end(by);
      else this.#askForRing(by);
    }
    if (!contests.isEmpty) for (const peer of this.replica.checks.settledPeers()) this.#askForRing(peer);
    for (const { address, owner } of contests.lost()) {
      if (owner !== this.options.name)
        this.options.transport.unicast(owner, { type: "spaceRequest", range: { start: address, end: address + 1 } });
    }
  }

  /** A claim of an address that is in use here: the claimant may use it too, for it repeats a claim of its own container's address. */
  #noteContested({ start, end }: Range, by: PeerName): void {
    if (end - start !== 1 || this.replica.allocations.holderOf(start) === undefined) return;
    if (this.#claimedFrom.size < MOST_CLAIMED || this.#claimedFrom.has(start))
      this.#claimedFrom.set(start, { by, at: this.options.now() });
  }

  /** Addresses in use both here and on another peer, as far as we know. */
  contested(): ContestedAddress[] {
    const { allocations } = this.replica;
    const displaced = this.requests.contested().map(({ address, owner }) => ({ address, owner }));
    const lost = [...displaced, ...this.replica.contests.lost()].flatMap(({ address, owner }) => {
      const ident = allocations.holderOf(address);
      return ident === undefined ? [] : [{ address, ident, peer: owner, isOurs: false }];
    });
    const claimed: ContestedAddress[] = [];
    for (const [address, { by, at }] of this.#claimedFrom) {
      const ident = allocations.holderOf(address);
      const isOld = this.options.now() - at >= 3 * TICK_MS;
      if (ident === undefined || isOld) this.#claimedFrom.delete(address);
      else claimed.push({ address, ident, peer: by, isOurs: true });
    }
    return [...lost, ...claimed];
  }

  #sendRing(to: PeerName): void {
    this.#outbox.after(() => this.options.transport.unicast(to, { type: "ringUpdate", state: this.state() }));
  }

  #sendConsent(to: PeerName | "all", message: ConsentMessage): void {
    this.#outbox.after(() => this.options.transport.consent(to, message));
  }

  #save(done: () => void): void {
    this.replica.save(this.bootstrap.paxos?.state, () => this.#saved(), done);
  }

  #saved(): Saved {
    const { ring, allocations } = this.replica;
    const document = { format: 1, peer: this.options.name, ring, owned: allocations.list() } as const;
    const vote = ring.entries.length === 0 ? this.bootstrap.saved() : undefined;
    return { ...document, consent: this.reclaims.saved(), ...vote };
  }
}
