import type { PaxosState } from "../consensus/paxos.ts";
import type { Outbox } from "../durability/outbox.ts";
import { Published } from "../durability/published.ts";
import type { Saved } from "../durability/saved.ts";
import type { PeerName } from "../ports.ts";
import { Conflicts } from "../ring/conflicts.ts";
import { mergeRings } from "../ring/merge.ts";
import { emptyRing, grant, ownerOf, type Ring, rangesOf, reportFree, type SentRing, transfer } from "../ring/ring.ts";
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
}

/** Our copy of the ring, with what follows from it: our space, and what others may see. */
export class Replica {
  readonly space: Space = new Space();
  readonly allocations: Allocations = new Allocations();
  readonly conflicts: Conflicts = new Conflicts();
  /** Never chosen for anonymous requests: exclusions, reserved addresses. */
  readonly avoid: IntervalSet;
  readonly #options: CoreOptions;
  readonly #host: ReplicaHost;
  readonly #published: Published;
  #ring: Ring;

  constructor(options: CoreOptions, host: ReplicaHost) {
    this.#options = options;
    this.#host = host;
    this.#ring = emptyRing(options.universe);
    this.#published = new Published(options.universe, options.save);
    this.avoid = new IntervalSet(options.avoid);
    for (const address of options.reservations.values()) this.avoid.add(address, address + 1);
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
  merge(received: SentRing, from: PeerName | undefined): void {
    const result = mergeRings(this.#ring, received, {
      us: this.#options.name,
      hasAllocations: (ranges) => this.space.hasAllocations(ranges),
      tie: "lowest",
    });
    if ("failure" in result) {
      if (this.conflicts.add(result.failure, received)) this.#options.onConflict?.(result.failure, from);
      return;
    }
    this.conflicts.agrees(received.peer);
    const changed = result.ring !== this.#ring;
    this.#ring = result.ring;
    if (changed) this.#host.outbox.changed();
    if (result.updated) this.#changed();
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
    return reportFree(this.#ring, this.#options.name, (range) => this.space.freeIn(range, this.avoid));
  }
}
