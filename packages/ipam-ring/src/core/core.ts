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
import type { Ring } from "../ring/ring.ts";
import type { Cidr, Range } from "../space/address.ts";
import { DEAD_GRACE_MS } from "../timing.ts";
import type { GossipState, UnicastMessage } from "../wire/allocation-wire.ts";
import type { ConsentMessage } from "../wire/consent-wire.ts";
import type { CoreOptions } from "./core-options.ts";
import { Replica } from "./replica.ts";

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
  readonly #outbox: Outbox;
  readonly #granter: Granter;
  #leaving = false;
  /** Space requests from before we had heard of the ring. Bounded by: peers of the mesh; emptied when there is a ring. */
  readonly #early = new Map<PeerName, Range>();

  constructor(options: CoreOptions) {
    this.options = options;
    const { name, nickname, isKnownPeer } = options;
    this.#outbox = new Outbox((done) => this.#save(done));
    this.replica = new Replica(options, { outbox: this.#outbox, onChanged: () => this.#ringChanged() });
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
        learn: (ring) => this.replica.merge(ring, undefined),
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
        ensureRing: () => this.#ensureRing(),
        whyNoRing: () => this.#whyNoRing(),
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
      } else this.bootstrap.start();
      this.#outbox.changed();
      this.#announce();
      this.#sendConsent("all", this.reclaims.hello());
      return ours;
    });
  }

  /** To be called every {@link TICK_MS}: repeats messages that may have been lost, releases addresses of dead containers. */
  tick(): void {
    if (this.#leaving) return;
    this.#outbox.act(() => {
      const dead = this.replica.allocations.takeDead(this.options.now() - DEAD_GRACE_MS);
      for (const ident of dead) this.requests.releaseAll(ident);
      if (this.bootstrap.isNeeded && !this.hasRing) this.bootstrap.propose();
      else if (this.requests.pending > 0) this.#ensureRing();
      this.requests.retryAll();
      this.reclaims.tick();
      if (this.options.tidy && this.hasRing && grantUnasked(this.#granter)) this.#announce();
      this.replica.reportFree();
    });
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

  receiveState(source: PeerName | undefined, state: GossipState): void {
    this.#outbox.act(() => this.#update(source, state));
  }

  receiveUnicast(source: PeerName, message: UnicastMessage): void {
    this.#outbox.act(() => {
      if (message.type === "ringUpdate") this.requests.answered(source, () => this.#update(source, message.state));
      else if (message.type === "spaceRequest") this.#answer(message.range, source);
      else this.requests.denied(source, message.range);
    });
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
    if (!this.hasRing && !this.#leaving) this.bootstrap.begin();
  }

  #whyNoRing(): WaitReason {
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

  #update(source: PeerName | undefined, state: GossipState): void {
    if (this.#leaving) return;
    this.knownPeers.learn(state.nicknames);
    if (state.ring) {
      if (!this.reclaims.isFenced(state.ring.peer)) this.replica.merge(state.ring, source ?? state.ring.peer);
    } else if (this.hasRing) {
      if (source !== undefined && !this.reclaims.isFenced(source)) this.#sendRing(source);
    } else if (state.paxos) this.bootstrap.learn(state.paxos);
    else if (source !== undefined && this.bootstrap.paxos) this.#ensureRing();
  }

  #ringChanged(): void {
    this.bootstrap.end();
    this.knownPeers.prune(this.replica.owners());
    this.requests.retryAll();
    if (!this.hasRing) return;
    const early = [...this.#early];
    this.#early.clear();
    // A peer that has gone meanwhile would take space with it.
    for (const [peer, range] of early) if (this.options.isKnownPeer(peer)) this.#answer(range, peer);
  }

  /** Answers a space request: a grant or a refusal, then our ring in any case (protocol notes, 9.6). */
  #answer(range: Range, to: PeerName): void {
    if (this.#leaving || to === this.options.name || this.reclaims.isFenced(to)) return;
    if (!this.hasRing) {
      // The peer that decided the vote is ahead of us by a message; without this answer it would wait for its next tick.
      this.#early.set(to, range);
      return;
    }
    const granted = grantRequested(this.#granter, range, to);
    if (!granted) this.#outbox.after(() => this.options.transport.unicast(to, { type: "spaceRequestDenied", range }));
    // Before all others hear of it, so that the requester can tell an answer from news.
    this.#sendRing(to);
    if (granted) this.#announce();
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
