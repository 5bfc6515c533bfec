import type { PeerName } from "../ports.ts";
import { biggestBlock, clip, countBlocks, type Range, sizeOf } from "../space/address.ts";
import { type Ring, rangesOf } from "./ring.ts";

/** What an owner decides with. */
export interface GrantRequest {
  /** The requested range: a subnet, whose first and last address are of no use to a container, or a single address. */
  readonly asked: Range;
  /** Free runs of ours in the asked-for range, low to high. */
  readonly free: readonly Range[];
  readonly ring: Ring;
  readonly us: PeerName;
  readonly to: PeerName;
}

/** Chooses what to grant, a part of one free run; undefined when there is nothing. */
export type GrantPolicy = (request: GrantRequest) => Range | undefined;

/**
 * Weave Net's choice (docs/protocol/ipam.md#9.6): the largest aligned block, the later one of equals; of a block that is more than half
 * of all free addresses only the upper half.
 */
export const legacyGrants: GrantPolicy = ({ free }) => {
  let best: Range = { start: 0, end: 0 };
  let total = 0;
  for (const run of free) {
    total += sizeOf(run);
    if (sizeOf(run) < sizeOf(best)) continue;
    const block = biggestBlock(run);
    if (sizeOf(block) >= sizeOf(best)) best = block;
  }
  const size = sizeOf(best);
  if (size === 0) return undefined;
  return size > Math.floor(total / 2) ? { start: best.start + Math.floor(size / 2), end: best.end } : best;
};

/**
 * Grants about as much as Weave Net, choosing what leaves both sides with the fewest CIDR blocks.
 *
 * Candidates are Weave Net's choice, whole free ranges of ours (granting one splits nothing), and aligned blocks of about the
 * same size at either end of a free run, which may join a range that the other side already has.
 */
export const alignedGrants: GrantPolicy = (request) => {
  const { asked, free, ring, us, to } = request;
  const usual = legacyGrants(request);
  if (!usual) return undefined;
  if (sizeOf(usual) === 1) {
    const inner = sizeOf(asked) > 1 ? { start: asked.start + 1, end: asked.end - 1 } : asked;
    return legacyGrants({
      ...request,
      free: free.map((run) => clip(run, inner)).filter((run) => run.start < run.end),
    });
  }
  const mine = rangesOf(ring, us);
  const theirs = rangesOf(ring, to);
  let best = usual;
  let least = Number.POSITIVE_INFINITY;
  for (const candidate of candidates(free, sizeOf(usual))) {
    const blocks = countBlocks(without(mine, candidate)) + countBlocks(withRange(theirs, candidate));
    if (blocks < least || (blocks === least && sizeOf(candidate) > sizeOf(best))) {
      least = blocks;
      best = candidate;
    }
  }
  return best;
};

/** At most this many free runs are weighed, so that a fragmented owner answers as fast as a tidy one. */
const MOST_RUNS = 64;

function candidates(free: readonly Range[], usual: number): Range[] {
  const result: Range[] = [];
  // Between half of Weave Net's size and all of it: less would make the other side ask again soon.
  const sizes = usual > 1 ? [usual, usual / 2].filter(Number.isInteger) : [usual];
  const largest = [...free].sort((a, b) => sizeOf(b) - sizeOf(a)).slice(0, MOST_RUNS);
  for (const run of largest) {
    for (const size of sizes) {
      const low = Math.ceil(run.start / size) * size;
      const high = Math.floor(run.end / size) * size - size;
      if (low + size > run.end) continue;
      result.push({ start: low, end: low + size });
      if (high > low) result.push({ start: high, end: high + size });
    }
    if (sizeOf(run) <= usual && sizeOf(run) * 2 >= usual) result.push(run);
  }
  return result;
}

/** Sorted ranges minus one that lies within one or more of them. */
export function without(ranges: readonly Range[], hole: Range): Range[] {
  return ranges.flatMap((range) => {
    if (hole.end <= range.start || hole.start >= range.end) return [range];
    return [
      { start: range.start, end: Math.min(hole.start, range.end) },
      { start: Math.max(hole.end, range.start), end: range.end },
    ].filter((part) => part.start < part.end);
  });
}

/** Sorted ranges plus one that none of them overlaps. */
export function withRange(ranges: readonly Range[], extra: Range): Range[] {
  return [...ranges, extra].sort((a, b) => a.start - b.start);
}

/**
 * An unasked grant: a whole block of ours, all of it free, for the neighbour whose blocks it completes. Each one lowers the
 * number of blocks of the two together, so a quiet network stops granting. Undefined when nothing helps.
 *
 * @param keep - how many free addresses must stay ours
 */
export function unaskedGrant(
  ring: Ring,
  us: PeerName,
  space: { freeIn(range: Range): number; free: number },
  keep: number,
): { readonly range: Range; readonly to: PeerName } | undefined {
  const mine = rangesOf(ring, us);
  if (countBlocks(mine) <= 1) return undefined;
  for (const { range, neighbours } of edges(ring, us)) {
    if (space.free - sizeOf(range) < keep || space.freeIn(range) !== sizeOf(range)) continue;
    for (const to of neighbours) {
      const theirs = rangesOf(ring, to);
      const before = countBlocks(mine) + countBlocks(theirs);
      const after = countBlocks(without(mine, range)) + countBlocks(withRange(theirs, range));
      if (after < before) return { range, to };
    }
  }
  return undefined;
}

/** Our joined ranges with the owners directly below and above. */
function edges(ring: Ring, us: PeerName): { range: Range; neighbours: PeerName[] }[] {
  const { entries } = ring;
  const result: { range: Range; neighbours: PeerName[] }[] = [];
  for (let i = 0; i < entries.length; i++) {
    if (entries[i]!.peer !== us) continue;
    let j = i;
    while (j + 1 < entries.length && entries[j + 1]!.peer === us) j++;
    const end = entries[j + 1]?.token ?? ring.end;
    const neighbours = [entries[i - 1]?.peer, entries[j + 1]?.peer].filter((peer) => peer !== undefined);
    result.push({ range: { start: entries[i]!.token, end }, neighbours });
    i = j;
  }
  return result;
}
