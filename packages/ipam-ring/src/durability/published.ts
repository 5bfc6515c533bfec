import type { PaxosState } from "../consensus/paxos.ts";
import { emptyRing, type Ring } from "../ring/ring.ts";
import type { Range } from "../space/address.ts";
import type { OwnedAddresses } from "../space/allocations.ts";
import { changedEntries, type Snapshot } from "./journal.ts";
import type { Saved } from "./saved.ts";

/** The state that goes to the disk. */
export interface Draft {
  readonly ring: Ring;
  readonly vote: PaxosState | undefined;
  /** The allocations that changed since the previous draft. */
  readonly owned: readonly OwnedAddresses[];
  full(): Saved;
}

/** The ring and our vote as others may see them: as they are on disk. A voter that forgets a promise may help to create two rings. */
export class Published {
  #ring: Ring;
  #vote: PaxosState | undefined;
  /** The ring of the last snapshot. */
  #lastSaved: Ring;
  #onlyAllocations = false;
  readonly #save: (snapshot: Snapshot, done: () => void) => void;

  constructor(universe: Range, save: (snapshot: Snapshot, done: () => void) => void) {
    this.#ring = this.#lastSaved = emptyRing(universe);
    this.#save = save;
  }

  get ring(): Ring {
    return this.#ring;
  }

  get vote(): PaxosState | undefined {
    return this.#vote;
  }

  /** An earlier life has saved this. */
  restore(ring: Ring): void {
    this.#ring = ring;
  }

  /** More has changed than a record of the journal can say: the next save is of everything. */
  needsFull(): void {
    this.#onlyAllocations = false;
  }

  save({ ring, vote, owned, full }: Draft, done: () => void): void {
    const entries = this.#onlyAllocations ? changedEntries(this.#lastSaved, ring) : undefined;
    this.#lastSaved = ring;
    this.#onlyAllocations = true;
    this.#save({ full, ...(entries && { patch: { entries, owned } }) }, () => {
      this.#ring = ring;
      this.#vote = vote;
      done();
    });
  }
}
