import type { PaxosState } from "../consensus/paxos.ts";
import type { Outbox } from "../durability/outbox.ts";
import { Published } from "../durability/published.ts";
import type { Saved } from "../durability/saved.ts";
import type { PeerName } from "../ports.ts";
import { Conflicts } from "../ring/conflicts.ts";
import { Contests, lostRanges } from "../ring/contests.ts";
import { checkReceived, type MergeFailure, mergeRings } from "../ring/merge.ts";
import { type Origin, OwnerChecks } from "../ring/owner-checks.ts";
import { emptyRing, grant, ownerOf, type Ring, rangesOf, reportFree, type SentRing, transfer } from "../ring/ring.ts";
import { contradictsUs } from "../ring/vetting.ts";
import type { Range } from "../space/address.ts";
import { Allocations } from "../space/allocations.ts";
import { IntervalSet } from "../space/interval-set.ts";
import { Space } from "../space/space.ts";
import type { CoreOptions } from "./core-options.ts";

/** How the copy of the ring reaches the allocator around it. */
export interface ReplicaHost {
  readonly outbox: Outbox;
  /** Called when ranges have another owner by merging or replacement, not by our own grant. */
  readonly onChanged: () => void;
  readonly isFenced: (peer: PeerName) => boolean;
  /** Whether we may have an old copy of our state, so that our entries must not change yet. */
  readonly isStarting: () => boolean;
  /** Asks a peer for its ring. */
  readonly askForRing: (peer: PeerName) => void;
}

/** No peer has this name. */
const NO_PEER = 0;

/** Our copy of the ring, with what follows from it: our space, and what others may see. */
export class Replica {
  readonly space: Space = new Space();
  readonly allocations: Allocations = new Allocations();
  readonly conflicts: Conflicts = new Conflicts();
  /** Never chosen for anonymous requests: exclusions, reserved addresses. */
  readonly avoid: IntervalSet;
  readonly checks: OwnerChecks;
  readonly contests: Contests;
  readonly #options: CoreOptions;
  readonly #host: ReplicaHost;
  readonly #published: Published;
  #ring: Ring;

  constructor(options: CoreOptions, host: ReplicaHost) {
    this.#options = options;
    this.#host = host;
    this.#ring = emptyRing(options.universe);
    this.#published = new Published(options.universe, options.save);
    const { name, isKnownPeer, now } = options;
    const { isFenced, askForRing } = host;
    this.checks = new OwnerChecks({ us: name, isKnown: isKnownPeer, isFenced, now, askForRing });
    const reserved = [...options.reservations.values()].map((address) => ({ start: address, end: address + 1 }));
    this.avoid = new IntervalSet([...options.avoid, ...reserved]);
    this.contests = new Contests(this.avoid, [...options.avoid, ...reserved]);
  }

  get ring(): Ring {
    return this.#ring;
  }

  get exists(): boolean {
    return this.#ring.entries.length > 0;
  }

  /** The ring and our vote as they are on disk: nothing else may be announced. */
  get published(): Pick<Published, "ring" | "vote"> {
    return this.#published;
  }

  /** Peers that own something, once for every entry. */
  owners(): PeerName[] {
    return this.#ring.entries.map(({ peer }) => peer);
  }

  /** Owner of an address of the range; undefined without a ring. */
  ownerOf(address: number): PeerName | undefined {
    return ownerOf(this.#ring, address);
  }

  /** Restores the ring of an earlier life, whose allocations are in place. */
  restore(ring: Ring): void {
    this.#ring = ring;
    this.#published.restore(ring);
    this.#changed();
  }

  /** Replaces the ring. */
  adopt(ring: Ring): void {
    this.#ring = ring;
    this.#changed();
  }

  /** Merges a received ring, or reports why not. */
  merge(received: SentRing, origin: Origin): void {
    const refused = checkReceived(this.#ring, received);
    if (refused) return this.#refuse(refused, received, origin.from);
    const { author } = origin;
    const isRemoval = this.checks.isRemoval(received, author);
    const contradicts = author !== undefined && contradictsUs(this.#ring, received, this.#options.name);
    if (author !== undefined && !contradicts) this.#doubt(author);
    // While one peer contests our space, those that bear it out count as well, though they have been reachable.
    const isApart = author !== undefined && (!this.checks.isSettled(author) || !this.contests.isEmpty);
    const ours = isRemoval || (contradicts && isApart) ? "concede" : "defend";
    if (ours === "defend" || !this.#tryConcede(received, origin, isRemoval)) this.#mergeAs(received, origin, ours);
    if (author !== undefined && !this.contests.has(author)) this.checks.settle(author);
  }

  /**
   * Gives up the space that a peer says is not ours any more, unless containers would lose their addresses: then the space is
   * contested. Returns whether the received ring has been dealt with.
   */
  #tryConcede(received: SentRing, origin: Origin, isRemoval: boolean): boolean {
    const { peer: author, ...adopted } = received;
    const candidate = isRemoval ? adopted : this.#merged(received, origin, "concede");
    if (candidate === undefined) return false;
    const { name } = this.#options;
    const lost = [...this.allocations.addresses()]
      .filter((address) => this.ownerOf(address) === name && ownerOf(candidate, address) !== name)
      .map((address) => ({ address, owner: ownerOf(candidate, address)! }));
    if (lost.length > 0 || this.#doubters(author).length > 0) {
      this.contests.begin(author, lostRanges(this.#ring, candidate, name), lost);
      return false;
    }
    this.contests.end(author);
    if (candidate !== this.#ring) this.adopt(candidate);
    return true;
  }

  /** Peers that have been reachable, and do not bear out that our space is another peer's. */
  #doubters(author: PeerName): PeerName[] {
    return this.checks.settledPeers().filter((peer) => peer !== author && !this.contests.has(peer));
  }

  #doubt(author: PeerName): void {
    if (this.contests.has(author)) this.contests.end(author);
    if (!this.checks.isSettled(author)) return;
    for (const refuted of this.contests.doubt(author)) this.checks.settle(refuted);
  }

  #merged(received: SentRing, origin: Origin, ours: "concede" | "contest"): Ring | undefined {
    const { ring } = this.checks.check(this.#ring, received, origin, ours);
    // As among other peers the newer entry wins.
    const context = { us: NO_PEER, hasAllocations: () => false, tie: "lowest", isPartial: true } as const;
    const result = mergeRings(this.#ring, ring, context);
    return "failure" in result ? undefined : result.ring;
  }

  #mergeAs(received: SentRing, origin: Origin, ours: "concede" | "defend"): void {
    const policy = ours === "concede" ? "contest" : "defend";
    const { ring, isPartial, failures, defended } = this.checks.check(this.#ring, received, origin, policy);
    for (const { failure, from } of failures) this.#refuse(failure, received, from);
    const result = mergeRings(this.#ring, ring, {
      us: this.#options.name,
      hasAllocations: (ranges) => this.space.hasAllocations(ranges),
      tie: "lowest",
      isPartial,
    });
    if ("failure" in result) return this.#refuse(result.failure, received, origin.from);
    if (failures.length === 0) this.conflicts.agrees(received.peer);
    const changed = result.ring !== this.#ring;
    this.#ring = result.ring;
    if (changed) this.#host.outbox.changed();
    this.#defend(defended);
    if (result.updated) this.#changed();
  }

  #refuse(failure: MergeFailure, received: SentRing, from: PeerName | undefined): void {
    if (this.conflicts.add(failure, received, from)) this.#options.onConflict?.(failure, from);
  }

  #defend(versions: ReadonlyMap<number, number>): void {
    if (versions.size === 0) return;
    const entries = this.#ring.entries.map((entry) => {
      const version = versions.get(entry.token);
      return version === undefined ? entry : { ...entry, version };
    });
    this.#ring = { ...this.#ring, entries };
    this.#host.outbox.changed();
  }

  /** Grants a range of ours to another peer. */
  grant(range: Range, to: PeerName): void {
    this.space.remove(range);
    this.#ring = grant(this.#ring, range, this.#options.name, to);
    this.#host.outbox.changed();
    this.#host.outbox.after(() => this.#options.onRing?.());
  }

  /** Makes everything that one peer owns another's. Returns by how many addresses our own free space grew. */
  transfer(from: PeerName, to: PeerName): number {
    const before = this.space.free;
    this.adopt(transfer(this.#ring, from, to));
    return this.space.free - before;
  }

  /** Enters how much is free here, so that others ask the right peer. */
  reportFree(): void {
    const ring = this.#withFree();
    if (ring === this.#ring) return;
    this.#ring = ring;
    this.#host.outbox.changed();
  }

  /** More has changed than a record of the journal can say: the next save is of everything. */
  needsFullSave(): void {
    this.#published.needsFull();
  }

  /** Saves ring, vote, and changed allocations; `full` makes the whole document. */
  save(vote: PaxosState | undefined, full: () => Saved, done: () => void): void {
    this.#ring = this.#withFree();
    this.#published.save({ ring: this.#ring, vote, owned: this.allocations.takeChanged(), full }, done);
  }

  #changed(): void {
    this.#host.outbox.changed();
    this.space.setRanges(rangesOf(this.#ring, this.#options.name));
    for (const address of this.allocations.addresses()) this.space.claim(address);
    this.#host.outbox.after(() => this.#options.onRing?.());
    this.#host.onChanged();
  }

  #withFree(): Ring {
    if (this.#host.isStarting()) return this.#ring;
    return reportFree(this.#ring, this.#options.name, (range) => this.space.freeIn(range, this.avoid));
  }
}
