import type { SavedConsent } from "../durability/saved.ts";
import type { PeerName } from "../ports.ts";
import type { SentRing } from "../wire/allocation-wire.ts";
import type { ConsentMessage } from "../wire/consent-wire.ts";
import { Consents } from "./consents.ts";
import { isTold, Membership } from "./membership.ts";

/** What taking over needs from the allocator around it. */
export interface TakeoverHost {
  readonly us: PeerName;
  /** Our ring as it may be shown; undefined before there is one. */
  ring(): SentRing | undefined;
  /** Merges what a peer knows. */
  learn(ring: SentRing): void;
  /** Owners in our ring, and peers the mesh knows: all who may hold what nobody else knows of. */
  others(): Iterable<PeerName>;
  isKnown(peer: PeerName): boolean;
  /** Milliseconds. */
  now(): number;
  /** Whether there may be peers that do not speak of take-overs at all. */
  readonly mixed: boolean;
  /** Makes everything of that peer ours; the number of addresses. */
  transfer(from: PeerName): number;
  /** State has changed that must be saved. */
  changed(): void;
  /** Sends once all changes are saved. */
  send(to: PeerName | "all", message: ConsentMessage): void;
}

/** How a take-over ended. `refused` names who is in the way: another claimant, or the dead peer, alive. */
export type TakeoverOutcome = { readonly taken: number } | { readonly refused: PeerName };

interface Claim {
  /** Told apart from our other claims, so that a late answer is not taken for one to this. */
  id: string;
  readonly disks: Set<string>;
  /** Bounded by: members. */
  readonly agreed: Set<PeerName>;
  /** Since the last tick. */
  readonly asked: Set<PeerName>;
  readonly since: number;
  readonly done: ((outcome: TakeoverOutcome) => void)[];
}

/** A peer that is reachable, has never spoken of take-overs, does not answer for this long (ms) is taken for an original. */
const SILENCE_MS = 5000;

/**
 * Taking over the space of dead peers so that one survivor gets it, whoever asks, whatever the network does meanwhile.
 *
 * A claimant needs the consent of every member: not of a majority, because one peer that was not heard may hold a grant of the
 * dead peer that nobody else knows. A peer that consents drops everything the dead peer still has under way until the claim is
 * over, and sends its whole ring along. So when all have answered, nothing is unknown.
 *
 * Two claimants need each other's consent. The one with the lower name refuses; the other one consents and withdraws. Peers
 * that are claimed together need not consent to each other's end, so claims of one host end together or not at all; and of two
 * hosts whose claims wait for each other's dead, the lower one claims for both. In a partition the missing consent stops
 * everybody: safe, and slower.
 */
export class Takeovers {
  readonly #host: TakeoverHost;
  readonly #session: string;
  readonly #membership: Membership;
  readonly #consents: Consents;
  /** Bounded by: peers being taken over by us. */
  readonly #claims = new Map<PeerName, Claim>();
  #count = 0;

  constructor(host: TakeoverHost, draw: () => string) {
    this.#host = host;
    this.#membership = new Membership(host.us, draw, () => host.changed());
    this.#consents = new Consents(() => host.changed());
    this.#session = draw();
  }

  restore(saved: SavedConsent): void {
    this.#membership.restore(saved);
    this.#consents.restore(saved.consents);
  }

  saved(): SavedConsent {
    return { disk: this.#membership.disk, ...this.#membership.lists(), consents: this.#consents.list() };
  }

  /** Peers whose word counts, ourselves included. */
  members(): PeerName[] {
    return [...this.#membership.peers()].sort((a, b) => a - b);
  }

  /** Whether what a peer says of the ring is to be dropped, because it is being taken over. */
  fenced(peer: PeerName): boolean {
    return this.#claims.has(peer) || this.#consents.has(peer);
  }

  /** We are about to give space to a peer: from now on its word counts. */
  expect(peer: PeerName): void {
    this.#membership.expect(peer);
  }

  /** Take-overs that wait, with whom for. */
  waiting(): { readonly of: PeerName; readonly missing: PeerName[] }[] {
    return [...this.#claims].map(([of, claim]) => ({ of, missing: this.#missing(claim) }));
  }

  /** Starts taking over a peer that is dead, by word of the caller. */
  claim(dead: PeerName, done: (outcome: TakeoverOutcome) => void): void {
    const running = this.#claims.get(dead);
    if (running) return void running.done.push(done);
    this.#open(dead, this.#membership.disksOf(dead), [done]);
    this.#askMissing();
    this.#settle();
  }

  /** Repeats what may have been lost; stops waiting for originals, which never answer. */
  tick(): void {
    for (const claim of this.#claims.values()) claim.asked.clear();
    this.#askMissing();
    this.#settle();
    for (const { dead, claimant, claim } of this.#consents.list()) {
      if (!this.#membership.has(claimant)) this.#consents.release(dead, claimant);
      else this.#agree(claimant, dead, claim);
    }
  }

  /** What to tell everybody from time to time. */
  hello(): ConsentMessage {
    return this.#message("hello", 0);
  }

  /** Says goodbye: nobody needs to ask us any more. */
  leave(): void {
    for (const dead of [...this.#claims.keys()]) this.#end(dead, { refused: this.#host.us });
    this.#membership.remove(this.#host.us, [this.#membership.disk]);
    this.#host.send("all", this.hello());
  }

  receive(source: PeerName | undefined, message: ConsentMessage): void {
    if (source !== undefined) {
      this.#membership.meet(source, message.disk);
      // A claimant that was started again has forgotten its claim.
      this.#consents.releaseOthers(source, message.session);
    }
    const { shrunk, removedUs } = this.#membership.learn(message);
    if (removedUs) this.#rejoin();
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
    const { dead, disks, claim } = message;
    const { us } = this.#host;
    const refuse = (holder: PeerName): void =>
      this.#host.send(claimant, this.#message("refuse", dead, { holder, claim }));
    const unknown = this.#membership.disksOf(dead).filter((disk) => !disks.includes(disk));
    const own = this.#claims.has(dead);
    // A machine of that name which the asker has not heard of is not the one that was said to be dead.
    if (dead === us || (!own && unknown.some(isTold))) return refuse(dead);
    if (!own && unknown.length > 0) return refuse(0);
    if (us < claimant && (own || this.#waitsFor(dead))) {
      if (!own) this.#open(dead, disks, []);
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
    if (ring) this.#host.learn(ring);
    claim.agreed.add(source);
  }

  #onRefuse({ dead, holder, members, claim: id }: ConsentMessage): void {
    const claim = this.#claims.get(dead);
    if (claim?.id !== id) return;
    if (holder !== 0) return this.#end(dead, { refused: holder });
    // Asked again at the next tick; until then the peer itself has time to say that it lives.
    for (const [peer, disk] of members) if (peer === dead) claim.disks.add(disk);
  }

  /** The claim we consented to is over: what came of it is in the ring, which we learn before we listen to the dead again. */
  #onCancel(claimant: PeerName, { dead, ring, claim }: ConsentMessage): void {
    if (!this.#consents.holds(dead, claimant, claim)) return;
    if (ring) this.#host.learn(ring);
    this.#consents.release(dead, claimant);
  }

  #rejoin(): void {
    this.#membership.rename();
    this.#host.send("all", this.hello());
  }

  /**
   * A member is no more, by word of others. Whoever took its space knows what it had given to whom; so do those who consented.
   * What they answered us before they knew is worth nothing now.
   */
  #askAnew(): void {
    for (const claim of this.#claims.values()) {
      claim.id = this.#nextId();
      claim.agreed.clear();
      claim.asked.clear();
    }
  }

  #waitsFor(peer: PeerName): boolean {
    return [...this.#claims.values()].some((claim) => this.#missing(claim).includes(peer));
  }

  /** Everybody who may know more than we do, or want the same. */
  #missing(claim: Claim): PeerName[] {
    const voters = new Set(this.#membership.peers());
    for (const peer of this.#host.others()) if (!this.#membership.wasRemoved(peer)) voters.add(peer);
    const late = this.#host.now() - claim.since >= SILENCE_MS;
    const counts = (peer: PeerName): boolean => {
      if (peer === this.#host.us || this.#claims.has(peer) || claim.agreed.has(peer)) return false;
      return !(this.#host.mixed && late && !this.#membership.hasSpoken(peer) && this.#host.isKnown(peer));
    };
    return [...voters].filter(counts).sort((a, b) => a - b);
  }

  #askMissing(): void {
    for (const [dead, claim] of this.#claims) {
      // The dead peer itself too: it may know better.
      for (const peer of [dead, ...this.#missing(claim)]) {
        if (claim.asked.has(peer)) continue;
        claim.asked.add(peer);
        this.#host.send(peer, this.#message("ask", dead, { disks: [...claim.disks], claim: claim.id }));
      }
    }
  }

  /** All claims end together: one of the dead may have taken over another one, and given of it to a peer that only said so in the other claim. */
  #settle(): void {
    const claims = [...this.#claims];
    if (claims.length === 0 || claims.some(([, claim]) => this.#missing(claim).length > 0)) return;
    for (const [dead, { disks }] of claims) this.#membership.remove(dead, disks);
    const taken = claims.map(([dead]) => this.#host.transfer(dead));
    for (const [i, [dead]] of claims.entries()) this.#end(dead, { taken: taken[i]! });
  }

  #open(dead: PeerName, disks: Iterable<string>, done: Claim["done"]): void {
    const lists = { disks: new Set(disks), agreed: new Set<PeerName>(), asked: new Set<PeerName>() };
    this.#claims.set(dead, { id: this.#nextId(), ...lists, since: this.#host.now(), done });
  }

  #nextId(): string {
    return `${this.#session}.${++this.#count}`;
  }

  /** Whoever consented may listen to the dead again, and learns what came of it. */
  #end(dead: PeerName, outcome: TakeoverOutcome): void {
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
    const { disk } = this.#membership;
    const lists = this.#membership.lists();
    return { kind, dead, holder: 0, disks: [], claim: "", disk, session: this.#session, ...lists, ...more };
  }
}
