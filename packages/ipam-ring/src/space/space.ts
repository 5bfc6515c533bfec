import { type Range, sizeOf } from "./address.ts";
import { IntervalSet } from "./interval-set.ts";

/** Our books on our own ranges: which addresses are in use, which are free. */
export class Space {
  readonly #used = new IntervalSet();
  readonly #free = new IntervalSet();

  /** Addresses in use. */
  get used(): number {
    return this.#used.size;
  }

  /** Addresses free. */
  get free(): number {
    return this.#free.size;
  }

  /** Makes `ranges` all that we own: what is new is free, what is in use stays so, what is no longer ours is forgotten. */
  setRanges(ranges: readonly Range[]): void {
    const used = [...this.#used.runs()];
    this.#free.clear();
    this.#used.clear();
    for (const { start, end } of ranges) this.#free.add(start, end);
    for (const run of used) {
      for (const { start, end } of [...this.#free.runs(run)]) {
        this.#used.add(start, end);
        this.#free.remove(start, end);
      }
    }
  }

  /** Takes the lowest free address of a range that `avoid` does not name. */
  allocate(range: Range, avoid?: IntervalSet): number | undefined {
    for (const { start } of this.#free.runsWithout(avoid, range)) {
      this.claim(start);
      return start;
    }
    return undefined;
  }

  /** Takes this address; false if it is not free. */
  claim(address: number): boolean {
    if (!this.#free.has(address)) return false;
    this.#used.add(address, address + 1);
    this.#free.remove(address, address + 1);
    return true;
  }

  /** Gives an address back; false if it was not in use. */
  release(address: number): boolean {
    if (!this.#used.has(address)) return false;
    this.#used.remove(address, address + 1);
    this.#free.add(address, address + 1);
    return true;
  }

  /** Forgets free addresses that another peer gets. */
  giveAway({ start, end }: Range): void {
    this.#free.remove(start, end);
  }

  /** Free addresses in a range, without those that `avoid` names. */
  freeIn(range: Range, avoid?: IntervalSet): number {
    if (avoid === undefined) return this.#free.countIn(range);
    let count = 0;
    for (const run of this.#free.runsWithout(avoid, range)) count += sizeOf(run);
    return count;
  }

  /** Free runs of a range, low to high, without what `avoid` names. */
  freeRuns(range: Range, avoid?: IntervalSet): Iterable<Range> {
    return this.#free.runsWithout(avoid, range);
  }

  /** Whether any address of the ranges is not free here; addresses that are not ours count as not free. */
  hasAllocations(ranges: readonly Range[]): boolean {
    return ranges.some((range) => this.#free.countIn(range) !== sizeOf(range));
  }

  clear(): void {
    this.#used.clear();
    this.#free.clear();
  }
}
