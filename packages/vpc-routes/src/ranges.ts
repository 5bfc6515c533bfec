import { formatIpv4 } from "./address.ts";
import { VpcRoutesError } from "./errors.ts";

/** Addresses from `start` to before `end`, as unsigned integers; `end` may be 2^32. */
export interface AddressRange {
  readonly start: number;
  readonly end: number;
}

/** A CIDR-aligned block: `length` is the prefix length. */
export interface Block {
  readonly start: number;
  readonly length: number;
}

/** Number of addresses in a block of this prefix length. */
export function blockSize(length: number): number {
  return 2 ** (32 - length);
}

/** `10.32.0.0/13`. */
export function blockText(block: Block): string {
  return `${formatIpv4(block.start)}/${block.length}`;
}

/**
 * The fewest aligned blocks that are exactly the range, in address order.
 *
 * At each step the block is as large as both the alignment of the start and the rest of the range allow:
 * ```
 * 10.0.0.3      .4          .8              .16 (end)
 *    |/32|  /30  |    /29    |
 * ```
 * @throws VpcRoutesError `RANGE_INVALID` for an end before the start or outside 32 bits
 */
export function rangeToBlocks(range: AddressRange): Block[] {
  check(range);
  const blocks: Block[] = [];
  let start = range.start;
  while (start < range.end) {
    const aligned = start === 0 ? 32 : trailingZeros(start);
    const fits = Math.floor(Math.log2(range.end - start));
    const bits = Math.min(aligned, fits);
    blocks.push({ start, length: 32 - bits });
    start += 2 ** bits;
  }
  return blocks;
}

/** The CIDRs that are exactly these ranges, after {@link mergeRanges}, in address order. */
export function rangesToCidrs(ranges: readonly AddressRange[]): string[] {
  return mergeRanges(ranges).flatMap((range) => rangeToBlocks(range).map(blockText));
}

/** Sorts ranges and joins those that touch or overlap; empty ones disappear. */
export function mergeRanges(ranges: readonly AddressRange[]): AddressRange[] {
  for (const range of ranges) check(range);
  const sorted = ranges.filter((range) => range.end > range.start).sort((a, b) => a.start - b.start);
  const merged: { start: number; end: number }[] = [];
  for (const { start, end } of sorted) {
    const last = merged[merged.length - 1];
    if (last !== undefined && start <= last.end) last.end = Math.max(last.end, end);
    else merged.push({ start, end });
  }
  return merged;
}

/** The largest aligned block inside a range, the first of equals; undefined for an empty range. */
export function biggestBlock(range: AddressRange): Block | undefined {
  let best: Block | undefined;
  for (const block of rangeToBlocks(range)) if (best === undefined || block.length < best.length) best = block;
  return best;
}

/** What changes in a route table when a peer's ranges change. Creation comes first, so no address is ever without a route. */
export interface RouteUpdate {
  readonly create: readonly string[];
  readonly delete: readonly string[];
}

/** The routes to create, then those to delete, in address order, to get from `previous` to `current`. */
export function diffRanges(previous: readonly AddressRange[], current: readonly AddressRange[]): RouteUpdate {
  const before = rangesToCidrs(previous);
  const after = rangesToCidrs(current);
  const had = new Set(before);
  const has = new Set(after);
  return { create: after.filter((cidr) => !had.has(cidr)), delete: before.filter((cidr) => !has.has(cidr)) };
}

/** Number of low zero bits of a non-zero 32-bit integer. */
function trailingZeros(value: number): number {
  return 31 - Math.clz32(value & -value);
}

function check({ start, end }: AddressRange): void {
  const fine = Number.isInteger(start) && Number.isInteger(end) && start >= 0 && end >= start && end <= 2 ** 32;
  if (!fine) throw new VpcRoutesError("RANGE_INVALID", `not an address range: from ${start} to before ${end}`);
}
