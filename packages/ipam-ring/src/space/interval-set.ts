import type { Range } from "./address.ts";

/**
 * A set of addresses as sorted boundaries: even places open a run, odd places close it (exclusive). Neighbouring runs are
 * always joined, so the boundaries never repeat.
 */
export class IntervalSet {
  /** Bounded by: twice the number of separate runs, never the number of addresses. */
  #bounds: number[] = [];
  #size = 0;

  constructor(ranges: readonly Range[] = []) {
    for (const { start, end } of ranges) this.add(start, end);
  }

  /** How many addresses. */
  get size(): number {
    return this.#size;
  }

  add(start: number, end: number): void {
    this.#change(start, end, 0);
  }

  remove(start: number, end: number): void {
    this.#change(start, end, 1);
  }

  has(address: number): boolean {
    return (this.#firstAbove(address) & 1) !== 0;
  }

  /** The runs, cut to `within` when given, low to high. */
  *runs(within: Range = { start: 0, end: Number.POSITIVE_INFINITY }): Generator<Range> {
    const bounds = this.#bounds;
    // The run that contains `start`, else the first one behind it.
    for (let i = this.#firstAbove(within.start) & ~1; i < bounds.length; i += 2) {
      const start = Math.max(bounds[i]!, within.start);
      const end = Math.min(bounds[i + 1]!, within.end);
      if (start >= within.end) return;
      if (start < end) yield { start, end };
    }
  }

  /** How many addresses lie in a range. */
  countIn(range: Range): number {
    let count = 0;
    for (const { start, end } of this.runs(range)) count += end - start;
    return count;
  }

  /** This set without the other one, over a range. */
  *runsWithout(other: IntervalSet | undefined, within: Range): Generator<Range> {
    for (const run of this.runs(within)) {
      if (other === undefined) {
        yield run;
        continue;
      }
      let from = run.start;
      for (const hole of other.runs(run)) {
        if (hole.start > from) yield { start: from, end: hole.start };
        from = hole.end;
      }
      if (from < run.end) yield { start: from, end: run.end };
    }
  }

  clear(): void {
    this.#bounds = [];
    this.#size = 0;
  }

  /** `outside` is 0 to add, 1 to remove: a new boundary is due where the old run state is not yet the wanted one. */
  #change(start: number, end: number, outside: 0 | 1): void {
    if (start >= end) return;
    const before = this.countIn({ start, end });
    const bounds = this.#bounds;
    const from = this.#firstAtLeast(start);
    const to = this.#firstAbove(end);
    const fresh: number[] = [];
    if ((from & 1) === outside) fresh.push(start);
    if ((to & 1) === outside) fresh.push(end);
    bounds.splice(from, to - from, ...fresh);
    this.#size += outside === 0 ? end - start - before : -before;
  }

  #firstAbove(value: number): number {
    return search(this.#bounds, (bound) => bound > value);
  }

  #firstAtLeast(value: number): number {
    return search(this.#bounds, (bound) => bound >= value);
  }
}

/** Index of the first item for which `holds`, given that it holds for all behind it; the length if for none. */
export function search<T>(items: readonly T[], holds: (item: T) => boolean): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(items[middle]!)) high = middle;
    else low = middle + 1;
  }
  return low;
}
