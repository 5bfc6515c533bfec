import { type Range, sizeOf } from "./address.ts";
import { IntervalSet } from "./interval-set.ts";

/** Our own ranges: the addresses in use, and the free ones. */
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

  /** Sets all that we own: new addresses are free, addresses in use stay in use, addresses that are no longer ours are forgotten. */
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

  /** Takes the lowest free address of a range that is not in `avoid`. */
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

  /** Frees an address; false if it was not in use. */
  release(address: number): boolean {
    if (!this.#used.has(address)) return false;
    this.#used.remove(address, address + 1);
    this.#free.add(address, address + 1);
    return true;
  }

  /** Removes free addresses that become another peer's. */
  remove({ start, end }: Range): void {
    this.#free.remove(start, end);
  }

  /** Free addresses in a range, without those in `avoid`. */
  freeIn(range: Range, avoid?: IntervalSet): number {
    if (avoid === undefined) return this.#free.countIn(range);
    let count = 0;
    for (const run of this.#free.runsWithout(avoid, range)) count += sizeOf(run);
    return count;
  }

  /** Free runs of a range, low to high, without those in `avoid`. */
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
