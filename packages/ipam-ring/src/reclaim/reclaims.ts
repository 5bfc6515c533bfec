import type { PeerName } from "../ports.ts";
import type { SentRing } from "../ring/ring.ts";
import type { ConsentMessage } from "../wire/consent-wire.ts";
import { Consents, type SavedConsent } from "./consents.ts";
import { isAnnounced, Membership } from "./membership.ts";

/** How reclaims reach the allocator around them. */
export interface ReclaimHost {
  readonly us: PeerName;
  /** Our ring as it may be shown; undefined before there is one. */
  ring(): SentRing | undefined;
  /** Merges a ring that a peer sent along. */
  learn(ring: SentRing, from: PeerName): void;
  /** A peer says that we were removed; returns whether it may be true. */
  removedBy(peer: PeerName): boolean;
  /** Owners in our ring, and peers that the mesh knows: any of them may hold a grant that no other peer knows of. */
  others(): Iterable<PeerName>;
  isKnown(peer: PeerName): boolean;
  /** Milliseconds. */
  now(): number;
  /** Whether there may be Weave Net peers, which do not take part in reclaims. */
  readonly mixed: boolean;
  /** Makes everything of that peer ours; returns the number of addresses gained. */
  transfer(from: PeerName): number;
  /** State has changed that must be saved. */
  changed(): void;
  /** Sends once all changes are saved. */
  send(to: PeerName | "all", message: ConsentMessage): void;
}

/** How a reclaim ended. `refused` names the peer in the way: another claimant, or the dead peer, which is alive. */
export type ReclaimOutcome = { readonly taken: number } | { readonly refused: PeerName };

interface Claim {
  /** Distinguishes it from our other claims, so that a late answer is not taken for one to this claim. */
  id: string;
  readonly incarnations: Set<string>;
  /** Bounded by: members. */
  readonly agreed: Set<PeerName>;
  /** Since the last tick. */
  readonly asked: Set<PeerName>;
  readonly since: number;
  readonly done: ((outcome: ReclaimOutcome) => void)[];
}

/** A reachable peer that has never sent a message on this channel and does not answer for this long (ms) is taken for Weave Net. */
const SILENCE_MS = 5000;
/** Consent to the removal of a peer that turns out to be reachable ends after this long (ms). */
const FENCE_MS = 30_000;

/**
 * Reclaims the space of dead peers so that exactly one survivor gets it, whichever peers claim it, whatever the network does
 * meanwhile.
 *
 * A claimant needs the consent of every member: a majority is not enough, because one peer that was not asked may hold a grant of
 * the dead peer that no other peer knows. A peer that consents drops every message of the dead peer until the claim is over, and
 * sends its whole ring along. So when all have answered, nothing is unknown.
 *
 * Two claimants need each other's consent. The one with the lower name refuses; the other one consents and withdraws. Peers
 * that are claimed together need not consent to each other's removal, so claims of one host end together or not at all; of two
 * hosts whose claims wait for each other's dead peers, the lower one claims for both. In a partition the missing consent stops
 * all claims: safe, and slower.
 */
export class Reclaims {
  readonly #host: ReclaimHost;
  readonly #session: string;
  readonly #membership: Membership;
  readonly #consents: Consents;
  /** Bounded by: peers that we are reclaiming. */
  readonly #claims = new Map<PeerName, Claim>();
  /** Peers that are reachable though we consented to their removal. Bounded by: consents. */
  readonly #back = new Map<PeerName, number>();
  #count = 0;

  constructor(host: ReclaimHost, newId: () => string) {
    this.#host = host;
    this.#membership = new Membership(host.us, newId, () => host.changed());
    this.#consents = new Consents(() => host.changed());
    this.#session = newId();
  }

  restore(saved: SavedConsent): void {
    this.#membership.restore(saved);
    this.#consents.restore(saved.consents);
  }

  saved(): SavedConsent {
    return { disk: this.#membership.incarnation, ...this.#membership.lists(), consents: this.#consents.list() };
  }

  /** Whether the peer was removed, in any incarnation. */
  wasRemoved(peer: PeerName): boolean {
    return this.#membership.wasRemoved(peer);
  }

  /** Peers whose consent is needed, ourselves included. */
  members(): PeerName[] {
    return [...this.#membership.peers()].sort((a, b) => a - b);
  }

  /** Whether a peer's messages are to be dropped, because it is being reclaimed. */
  isFenced(peer: PeerName): boolean {
    return this.#claims.has(peer) || this.#consents.has(peer);
  }

  /** We are about to grant space to a peer: from now on its consent is needed. */
  expect(peer: PeerName): void {
    this.#membership.expect(peer);
  }

  /** Reclaims that wait, with the peers whose consent is missing. */
  waiting(): { readonly of: PeerName; readonly missing: PeerName[] }[] {
    return [...this.#claims].map(([of, claim]) => ({ of, missing: this.#missing(of, claim) }));
  }

  /** Starts to reclaim a peer that is dead, by word of the caller. */
  claim(dead: PeerName, done: (outcome: ReclaimOutcome) => void): void {
    const running = this.#claims.get(dead);
    if (running) return void running.done.push(done);
    this.#open(dead, this.#membership.incarnationsOf(dead), [done]);
    this.#askMissing();
    this.#settle();
  }

  /** Repeats messages that may have been lost; stops waiting for Weave Net peers, which never answer. */
  tick(): void {
    for (const claim of this.#claims.values()) claim.asked.clear();
    this.#askMissing();
    this.#settle();
    for (const { dead, claimant, claim } of this.#consents.list()) {
      const since = this.#backSince(dead);
      // An honest claimant has ended its claim by now, because the peer is alive.
      const isVoid = since !== undefined && this.#host.now() - since >= FENCE_MS;
      if (isVoid || !this.#membership.has(claimant)) this.#consents.release(dead, claimant);
      else this.#agree(claimant, dead, claim);
    }
  }

  /** Since when a peer that we let others reclaim has been reachable again; undefined while it is not. */
  #backSince(dead: PeerName): number | undefined {
    if (!this.#isAlive(dead)) this.#back.delete(dead);
    else if (!this.#back.has(dead)) this.#back.set(dead, this.#host.now());
    return this.#back.get(dead);
  }

  /** The message that is announced to all peers from time to time. */
  hello(): ConsentMessage {
    return this.#message("hello", 0);
  }

  /** Announces our departure: our consent is not needed any more. */
  leave(): void {
    for (const dead of [...this.#claims.keys()]) this.#end(dead, { refused: this.#host.us });
    this.#membership.remove(this.#host.us, [this.#membership.incarnation]);
    this.#host.send("all", this.hello());
  }

  receive(source: PeerName | undefined, message: ConsentMessage): void {
    if (source !== undefined) {
      this.#membership.meet(source, message.incarnation);
      // A claimant that was restarted has forgotten its claim.
      this.#consents.releaseOthers(source, message.session);
    }
    const { shrunk, removedUs } = this.#membership.learn(message, (peer) => this.#host.isKnown(peer));
    if (removedUs) {
      if (source !== undefined) this.#host.removedBy(source);
      this.#rejoin();
    }
    if (shrunk) this.#askAnew();
    if (source === undefined) return;
    if (message.kind === "ask") this.#onAsk(source, message);
    else if (message.kind === "agree") this.#onAgree(source, message);
    else if (message.kind === "refuse") this.#onRefuse(message);
    else if (message.kind === "cancel") this.#onCancel(source, message);
    this.#askMissing();
    this.#settle();
  }

  #onAsk(claimant: PeerName, message: ConsentMessage): void {
    const { dead, incarnations, claim } = message;
    const { us } = this.#host;
    const refuse = (holder: PeerName): void =>
      this.#host.send(claimant, this.#message("refuse", dead, { holder, claim }));
    const unknown = this.#membership.incarnationsOf(dead).filter((id) => !incarnations.includes(id));
    const own = this.#claims.has(dead);
    // An incarnation that the claimant has not heard of is not the machine that was declared dead.
    if (dead === us || (!own && unknown.some(isAnnounced))) return refuse(dead);
    if (!own && unknown.length > 0) return refuse(0);
    // A peer that we can reach answers for itself; a claimant that has lost sight of it asks again.
    if (this.#isAlive(dead)) return refuse(0);
    if (us < claimant && (own || this.#waitsFor(dead))) {
      if (!own) this.#open(dead, incarnations, []);
      return refuse(us);
    }
    if (own) this.#end(dead, { refused: claimant });
    this.#consents.add({ dead, claimant, session: message.session, claim });
    this.#agree(claimant, dead, claim);
  }

  #agree(claimant: PeerName, dead: PeerName, claim: string): void {
    this.#host.send(claimant, this.#message("agree", dead, { claim, ...this.#ring() }));
  }

  #onAgree(source: PeerName, { dead, ring, claim: id }: ConsentMessage): void {
    const claim = this.#claims.get(dead);
    if (claim?.id !== id) return this.#host.send(source, this.#message("cancel", dead, { claim: id, ...this.#ring() }));
    if (ring) this.#host.learn(ring, source);
    claim.agreed.add(source);
  }

  #onRefuse({ dead, holder, members, claim: id }: ConsentMessage): void {
    const claim = this.#claims.get(dead);
    if (claim?.id !== id) return;
    if (holder !== 0) return this.#end(dead, { refused: holder });
    // Asked again at the next tick; until then the peer itself has time to answer that it is alive.
    for (const [peer, id] of members) if (peer === dead) claim.incarnations.add(id);
  }

  /** A claim that we consented to is over: we learn the resulting ring before we accept messages of the dead peer again. */
  #onCancel(claimant: PeerName, { dead, ring, claim }: ConsentMessage): void {
    if (!this.#consents.holds(dead, claimant, claim)) return;
    if (ring) this.#host.learn(ring, claimant);
    this.#consents.release(dead, claimant);
  }

  #rejoin(): void {
    this.#membership.rename();
    this.#host.send("all", this.hello());
  }

  /**
   * A member was removed by another peer. The peer that reclaimed its space, and those that consented, know of its grants; their
   * earlier answers to us are void.
   */
  #askAnew(): void {
    for (const claim of this.#claims.values()) {
      claim.id = this.#nextId();
      claim.agreed.clear();
      claim.asked.clear();
    }
  }

  /** Whether a peer is reachable, and would answer a claim of its space. */
  #isAlive(peer: PeerName): boolean {
    return this.#host.isKnown(peer) && this.#membership.hasSpoken(peer);
  }

  #waitsFor(peer: PeerName): boolean {
    return [...this.#claims].some(([dead, claim]) => dead !== peer && this.#missing(dead, claim).includes(peer));
  }

  /** All peers that may know of grants that we do not, or claim the same. */
  #missing(dead: PeerName, claim: Claim): PeerName[] {
    const voters = new Set(this.#membership.peers());
    for (const peer of this.#host.others()) if (!this.#membership.wasRemoved(peer)) voters.add(peer);
    const late = this.#host.now() - claim.since >= SILENCE_MS;
    const counts = (peer: PeerName): boolean => {
      if (peer === this.#host.us || this.#claims.has(peer) || claim.agreed.has(peer)) return false;
      return !(this.#host.mixed && late && !this.#membership.hasSpoken(peer) && this.#host.isKnown(peer));
    };
    const missing = [...voters].filter(counts);
    // As long as the dead peer is reachable, its refusal may be under way.
    if (this.#isAlive(dead)) missing.push(dead);
    return missing.sort((a, b) => a - b);
  }

  #askMissing(): void {
    for (const [dead, claim] of this.#claims) {
      // The dead peer itself too: it may be alive.
      for (const peer of new Set([dead, ...this.#missing(dead, claim)])) {
        if (claim.asked.has(peer)) continue;
        claim.asked.add(peer);
        this.#host.send(peer, this.#message("ask", dead, { incarnations: [...claim.incarnations], claim: claim.id }));
      }
    }
  }

  /** All claims end together: a dead peer may have reclaimed another one, and granted of it to a peer that answered only the other claim. */
  #settle(): void {
    const claims = [...this.#claims];
    if (claims.length === 0 || claims.some(([dead, claim]) => this.#missing(dead, claim).length > 0)) return;
    for (const [dead, { incarnations }] of claims) this.#membership.remove(dead, incarnations);
    const taken = claims.map(([dead]) => this.#host.transfer(dead));
    for (const [i, [dead]] of claims.entries()) this.#end(dead, { taken: taken[i]! });
  }

  #open(dead: PeerName, incarnations: Iterable<string>, done: Claim["done"]): void {
    const lists = { incarnations: new Set(incarnations), agreed: new Set<PeerName>(), asked: new Set<PeerName>() };
    this.#claims.set(dead, { id: this.#nextId(), ...lists, since: this.#host.now(), done });
  }

  #nextId(): string {
    return `${this.#session}.${++this.#count}`;
  }

  /** Peers that consented may accept messages of the dead peer again, and learn the outcome. */
  #end(dead: PeerName, outcome: ReclaimOutcome): void {
    const claim = this.#claims.get(dead);
    if (!claim) return;
    this.#claims.delete(dead);
    this.#host.changed();
    this.#host.send("all", this.#message("cancel", dead, { claim: claim.id, ...this.#ring() }));
    for (const done of claim.done) done(outcome);
  }

  #ring(): { readonly ring?: SentRing } {
    const ring = this.#host.ring();
    return ring ? { ring } : {};
  }

  #message(kind: ConsentMessage["kind"], dead: PeerName, more: Partial<ConsentMessage> = {}): ConsentMessage {
    const { incarnation } = this.#membership;
    const lists = this.#membership.lists();
    return {
      kind,
      dead,
      holder: 0,
      incarnations: [],
      claim: "",
      incarnation,
      session: this.#session,
      ...lists,
      ...more,
    };
  }
}
