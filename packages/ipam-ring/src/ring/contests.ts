import type { PeerName } from "../ports.ts";
import type { Range } from "../space/address.ts";
import type { IntervalSet } from "../space/interval-set.ts";
import { ownerOf, type Ring } from "./ring.ts";

/** An address of a container here, in space that may be another peer's by now. */
export interface LostAddress {
  readonly address: number;
  readonly owner: PeerName;
}

/** A peer that others contradict this often, at a tick each, is not believed. */
const MOST_DOUBTS = 2;

interface Contest {
  /** How often another peer's ring did not bear it out. */
  doubts: number;
  readonly ranges: readonly Range[];
  readonly lost: readonly LostAddress[];
}

/**
 * Space of ours that other peers say was reclaimed, while containers here still use addresses in it, or other peers know nothing of it.
 * Nothing is given out of it; the addresses in use are claimed from the new owner one by one.
 */
export class Contests {
  readonly #avoid: IntervalSet;
  readonly #base: readonly Range[];
  /** By the peer that says so. Bounded by: peers of the mesh. */
  readonly #contests = new Map<PeerName, Contest>();

  /**
   * @param avoid - addresses that are never chosen; kept up to date here
   * @param base - what is in it without any contest
   */
  constructor(avoid: IntervalSet, base: readonly Range[]) {
    this.#avoid = avoid;
    this.#base = base;
  }

  get isEmpty(): boolean {
    return this.#contests.size === 0;
  }

  has(by: PeerName): boolean {
    return this.#contests.has(by);
  }

  peers(): PeerName[] {
    return [...this.#contests.keys()];
  }

  /** Addresses in use here that must be claimed from their new owners, each once. */
  lost(): LostAddress[] {
    const found = new Map<number, LostAddress>();
    for (const { lost } of this.#contests.values()) for (const each of lost) found.set(each.address, each);
    return [...found.values()];
  }

  covers(range: Range): boolean {
    for (const { ranges } of this.#contests.values()) {
      if (ranges.some(({ start, end }) => start < range.end && end > range.start)) return true;
    }
    return false;
  }

  begin(by: PeerName, ranges: readonly Range[], lost: readonly LostAddress[]): void {
    this.#contests.set(by, { ranges, lost, doubts: this.#contests.get(by)?.doubts ?? 0 });
    this.#refill();
  }

  /** Another peer's ring has our space as we do. Returns the contests that are refuted, and ends them. */
  doubt(by: PeerName): PeerName[] {
    const refuted = [...this.#contests].filter(([peer, contest]) => peer !== by && ++contest.doubts >= MOST_DOUBTS);
    for (const [peer] of refuted) this.end(peer);
    return refuted.map(([peer]) => peer);
  }

  end(by: PeerName): void {
    if (this.#contests.delete(by)) this.#refill();
  }

  #refill(): void {
    this.#avoid.clear();
    for (const { start, end } of this.#base) this.#avoid.add(start, end);
    for (const { ranges } of this.#contests.values()) for (const { start, end } of ranges) this.#avoid.add(start, end);
  }
}

/** The ranges that are a peer's in one ring and another's in the next. */
export function lostRanges(before: Ring, after: Ring, us: PeerName): Range[] {
  const cuts = new Set([...before.entries, ...after.entries].map(({ token }) => token));
  const points = [...cuts, before.start, before.end].sort((a, b) => a - b);
  const found: Range[] = [];
  for (let i = 0; i + 1 < points.length; i++) {
    const start = points[i]!;
    if (ownerOf(before, start) === us && ownerOf(after, start) !== us) found.push({ start, end: points[i + 1]! });
  }
  return found.filter(({ start, end }) => start < end);
}
