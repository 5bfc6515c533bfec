import type { ConsentMessage, Incarnation } from "./consent-wire.ts";
import type { PeerName } from "./ports.ts";
import type { SavedConsent } from "./saved.ts";
import type { SentRing } from "./wire.ts";

/** What taking over needs from the allocator around it. */
export interface TakeoverHost {
  readonly us: PeerName;
  /** Our ring as it may be shown; undefined before there is one. */
  ring(): SentRing | undefined;
  /** Merges what a consenting peer knows. */
  learn(ring: SentRing): void;
  /** Whether a peer owns anything in our ring. */
  owns(peer: PeerName): boolean;
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
  readonly disks: Set<string>;
  readonly agreed: Set<PeerName>;
  /** Since the last tick. */
  readonly asked: Set<PeerName>;
  readonly since: number;
  readonly done: ((outcome: TakeoverOutcome) => void)[];
}

/** A peer that is reachable, has never spoken of take-overs, does not answer for this long (ms) is taken for an original. */
const SILENCE_MS = 5000;
/** Marks the identity of a peer that has not told its own yet. */
const UNTOLD = "?";

/**
 * Taking over the space of dead peers so that one survivor gets it, whoever asks, whatever the network does meanwhile.
 *
 * A claimant needs the consent of every member that has not itself been removed: not a majority, because one peer that was not
 * heard may hold a grant of the dead peer that nobody else knows. A peer that has consented drops everything the dead peer still
 * has under way, and sends its whole ring along. So when all have answered, nothing is unknown.
 *
 * Two claimants need each other's consent. The one with the lower name refuses, the other one consents and withdraws: one winner.
 * In a partition the missing consent stops both: safe, and slower. A peer that is gone for good is removed in turn.
 */
export class Takeovers {
  readonly #host: TakeoverHost;
  readonly #session: string;
  readonly #draw: () => string;
  #disk: string;
  /** Incarnations that take part. Bounded by: hosts that ever joined, less those removed. */
  readonly #members = new Map<PeerName, Set<string>>();
  /** Incarnations removed, so that old gossip does not bring them back. Bounded by: hosts ever removed. */
  readonly #gone = new Map<PeerName, Set<string>>();
  /** Bounded by: peers being taken over by us. */
  readonly #claims = new Map<PeerName, Claim>();
  /** Whom we let take over whom. Bounded by: peers being taken over by others. */
  readonly #consents = new Map<PeerName, { readonly claimant: PeerName; readonly session: string }>();

  constructor(host: TakeoverHost, draw: () => string) {
    this.#host = host;
    this.#draw = draw;
    this.#disk = draw();
    this.#session = draw();
    add(this.#members, host.us, this.#disk);
  }

  restore(saved: SavedConsent): void {
    this.#members.clear();
    this.#disk = saved.disk;
    for (const [peer, disk] of saved.members) add(this.#members, peer, disk);
    for (const [peer, disk] of saved.gone) add(this.#gone, peer, disk);
    add(this.#members, this.#host.us, this.#disk);
    this.#listed = undefined;
    for (const { dead, claimant, session } of saved.consents) this.#consents.set(dead, { claimant, session });
  }

  saved(): SavedConsent {
    const consents = [...this.#consents].map(([dead, { claimant, session }]) => ({ dead, claimant, session }));
    return { disk: this.#disk, ...this.#lists(), consents };
  }

  /** Made anew only after a change: every message has it. */
  #lists(): { readonly members: readonly Incarnation[]; readonly gone: readonly Incarnation[] } {
    this.#listed ??= { members: flatten(this.#members), gone: flatten(this.#gone) };
    return this.#listed;
  }
  #listed: { readonly members: readonly Incarnation[]; readonly gone: readonly Incarnation[] } | undefined;

  #changed(): void {
    this.#listed = undefined;
    this.#host.changed();
  }

  /** Peers whose word counts, ourselves included. */
  members(): PeerName[] {
    return [...this.#members.keys()].sort((a, b) => a - b);
  }

  /** Whether what a peer says of the ring is to be dropped, because it is being taken over. */
  fenced(peer: PeerName): boolean {
    return this.#claims.has(peer) || this.#consents.has(peer);
  }

  /** We are about to give space to a peer: from now on its word counts, though it may never have spoken. */
  expect(peer: PeerName): void {
    if (this.#members.has(peer)) return;
    add(this.#members, peer, UNTOLD + this.#draw());
    this.#changed();
  }

  /** Take-overs that wait, with whom for. */
  waiting(): { readonly of: PeerName; readonly missing: PeerName[] }[] {
    return [...this.#claims].map(([of, claim]) => ({ of, missing: this.#missing(of, claim) }));
  }

  /** Starts taking over a peer that is dead, by word of the caller. */
  claim(dead: PeerName, done: (outcome: TakeoverOutcome) => void): void {
    const running = this.#claims.get(dead);
    if (running) return void running.done.push(done);
    const other = this.#consents.get(dead);
    if (other && this.#members.has(other.claimant)) return done({ refused: other.claimant });
    this.#consents.delete(dead);
    const disks = new Set(this.#members.get(dead));
    const claim = {
      disks,
      agreed: new Set<PeerName>(),
      asked: new Set<PeerName>(),
      since: this.#host.now(),
      done: [done],
    };
    this.#claims.set(dead, claim);
    // Dead by the same word for all other claims: they need not wait for it.
    for (const disk of [...disks, ""]) this.#bury(dead, disk, disks);
    this.#askMissing();
    this.#settleAll();
  }

  /** Asks again those who have not answered; stops waiting for originals, which never will. */
  tick(): void {
    for (const claim of this.#claims.values()) claim.asked.clear();
    this.#askMissing();
    this.#settleAll();
    for (const [dead, { claimant }] of this.#consents) {
      if (!this.#host.owns(dead) || !this.#members.has(claimant)) this.#release(dead);
    }
  }

  /** What to tell everybody from time to time. */
  hello(): ConsentMessage {
    return this.#message("hello", 0);
  }

  /** Says goodbye: nobody needs to ask us any more. */
  leave(): void {
    this.#members.delete(this.#host.us);
    add(this.#gone, this.#host.us, this.#disk);
    this.#changed();
    this.#host.send("all", this.hello());
  }

  receive(source: PeerName | undefined, message: ConsentMessage): void {
    if (source !== undefined) this.#meet(source, message);
    this.#learnMembers(message);
    if (source === undefined) return;
    if (message.kind === "ask") this.#onAsk(source, message);
    else if (message.kind === "agree") this.#onAgree(source, message);
    else if (message.kind === "refuse") this.#onRefuse(message);
    else if (message.kind === "cancel" && this.#consents.get(message.dead)?.claimant === source) {
      this.#release(message.dead);
    }
    this.#settleAll();
  }

  #onAsk(claimant: PeerName, message: ConsentMessage): void {
    const { dead, disks } = message;
    const own = this.#claims.get(dead);
    const refuse = (holder: PeerName): void => this.#host.send(claimant, this.#message("refuse", dead, { holder }));
    const unknown = [...(this.#members.get(dead) ?? [])].filter((disk) => !disks.includes(disk));
    // A machine of that name which the asker has not heard of is not the one that was said to be dead.
    if (dead === this.#host.us || (!own && unknown.some((disk) => !disk.startsWith(UNTOLD)))) return refuse(dead);
    if (!own && unknown.length > 0) return refuse(0);
    if (own && this.#host.us < claimant) return refuse(this.#host.us);
    if (own) this.#end(dead, { refused: claimant });
    if (this.#host.owns(dead) || own) {
      this.#consents.set(dead, { claimant, session: message.session });
      this.#changed();
    }
    const ring = this.#host.ring();
    this.#host.send(claimant, this.#message("agree", dead, ring ? { ring } : {}));
  }

  #onAgree(source: PeerName, { dead, ring }: ConsentMessage): void {
    const claim = this.#claims.get(dead);
    if (!claim) return;
    if (ring) this.#host.learn(ring);
    claim.agreed.add(source);
    this.#askMissing();
  }

  #onRefuse({ dead, holder, members }: ConsentMessage): void {
    const claim = this.#claims.get(dead);
    if (!claim) return;
    if (holder === 0) {
      // Asked again at the next tick; until then the peer itself has time to say that it lives.
      for (const [peer, disk] of members) if (peer === dead) this.#bury(dead, disk, claim.disks);
      return;
    }
    this.#end(dead, { refused: holder });
    // Whoever consented may listen to the peer again, if it lives; the other claimant asks for itself.
    this.#host.send("all", this.#message("cancel", dead));
  }

  /** First-hand news of a peer: which state and which run of it is the present one. */
  #meet(source: PeerName, message: ConsentMessage): void {
    for (const [dead, { claimant, session }] of this.#consents) {
      // A claimant that was restarted has forgotten its claim.
      if (claimant === source && session !== message.session) this.#release(dead);
    }
    const disks = this.#members.get(source);
    for (const disk of disks ?? []) {
      if (disk === message.disk) continue;
      disks!.delete(disk);
      add(this.#gone, source, disk);
      this.#changed();
    }
  }

  #learnMembers({ members, gone }: ConsentMessage): void {
    for (const [peer, disk] of gone) {
      if (peer === this.#host.us && disk === this.#disk && this.#members.has(peer)) this.#rename();
      if (add(this.#gone, peer, disk)) this.#changed();
      const disks = this.#members.get(peer);
      if (!disks?.delete(disk)) continue;
      if (disks.size === 0) this.#members.delete(peer);
      this.#changed();
    }
    for (const [peer, disk] of members) {
      if (!this.#gone.get(peer)?.has(disk) && add(this.#members, peer, disk)) this.#changed();
    }
  }

  /** Somebody removed us by mistake: we take part again under a new identity, as gossip cannot take a removal back. */
  #rename(): void {
    this.#disk = this.#draw();
    add(this.#members, this.#host.us, this.#disk);
    this.#changed();
    this.#host.send("all", this.hello());
  }

  /** Everybody who may know more than we do, or want the same. */
  #missing(dead: PeerName, claim: Claim): PeerName[] {
    const voters = new Set(this.#members.keys());
    for (const peer of this.#host.others()) if (!this.#gone.has(peer)) voters.add(peer);
    const late = this.#host.now() - claim.since >= SILENCE_MS;
    const counts = (peer: PeerName): boolean => {
      if (peer === this.#host.us || peer === dead || claim.agreed.has(peer)) return false;
      return !(this.#host.mixed && late && !this.#hasSpoken(peer) && this.#host.isKnown(peer));
    };
    return [...voters].filter(counts).sort((a, b) => a - b);
  }

  #hasSpoken(peer: PeerName): boolean {
    return [...(this.#members.get(peer) ?? [])].some((disk) => !disk.startsWith(UNTOLD));
  }

  #askMissing(): void {
    for (const [dead, claim] of this.#claims) {
      // The dead peer itself too: it may know better.
      for (const peer of [dead, ...this.#missing(dead, claim)]) {
        if (claim.asked.has(peer)) continue;
        claim.asked.add(peer);
        this.#host.send(peer, this.#message("ask", dead, { disks: [...claim.disks] }));
      }
    }
  }

  #settleAll(): void {
    for (const [dead, claim] of this.#claims) {
      if (this.#missing(dead, claim).length > 0) continue;
      this.#end(dead, { taken: this.#host.transfer(dead) });
      this.#host.send("all", this.hello());
    }
  }

  #end(dead: PeerName, outcome: TakeoverOutcome): void {
    const claim = this.#claims.get(dead);
    this.#claims.delete(dead);
    this.#changed();
    for (const done of claim?.done ?? []) done(outcome);
  }

  /** Counts one more identity of a dead peer among the dead. */
  #bury(dead: PeerName, disk: string, disks: Set<string>): void {
    disks.add(disk);
    add(this.#gone, dead, disk);
    this.#members.delete(dead);
    this.#changed();
  }

  #release(dead: PeerName): void {
    this.#consents.delete(dead);
    this.#changed();
  }

  #message(kind: ConsentMessage["kind"], dead: PeerName, more: Partial<ConsentMessage> = {}): ConsentMessage {
    const { members, gone } = this.#lists();
    return { kind, dead, holder: 0, disks: [], members, gone, disk: this.#disk, session: this.#session, ...more };
  }
}

/** Whether it was new. */
function add(map: Map<PeerName, Set<string>>, peer: PeerName, disk: string): boolean {
  const disks = map.get(peer) ?? new Set();
  const fresh = !disks.has(disk);
  map.set(peer, disks.add(disk));
  return fresh;
}

function flatten(map: ReadonlyMap<PeerName, ReadonlySet<string>>): Incarnation[] {
  return [...map].flatMap(([peer, disks]) => [...disks].map((disk): Incarnation => [peer, disk]));
}
