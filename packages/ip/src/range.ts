import { Cidr } from "./cidr.ts";
import { IpError } from "./errors.ts";
import { Ip, type IpInput, toIp } from "./ip.ts";

/** IPv4 addresses as unsigned 32-bit integers, the form that allocators keep; `end` is exclusive and may be 2^32. */
export interface NumberRange {
  readonly start: number;
  readonly end: number;
}

/**
 * The fewest CIDRs that have exactly the addresses from `first` to `last`, both inclusive; none when `last` comes before.
 * @throws IpError `FAMILY_MISMATCH`
 */
export function blocksOfRange(first: IpInput, last: IpInput): Cidr[] {
  const [from, to] = [toIp(first), toIp(last)];
  if (from.family !== to.family) {
    throw new IpError("FAMILY_MISMATCH", `${from} and ${to} are not of one family, so there is no range between them`);
  }
  const width = from.family === 4 ? 32 : 128;
  const blocks: Cidr[] = [];
  let start = from.bits;
  while (start <= to.bits) {
    let host = 0;
    // The largest block that is aligned at `start` and does not pass `last`.
    while (
      host < width &&
      (start & ((2n << BigInt(host)) - 1n)) === 0n &&
      start + (2n << BigInt(host)) - 1n <= to.bits
    ) {
      host++;
    }
    blocks.push(Cidr.of(Ip.fromBits(from.family, start), width - host));
    start += 1n << BigInt(host);
  }
  return blocks;
}

/** The fewest CIDRs with exactly the addresses of the given ones, in order. Both families may be mixed. */
export function mergeCidrs(cidrs: readonly Cidr[]): Cidr[] {
  const merged: { first: Ip; last: Ip }[] = [];
  for (const cidr of [...cidrs].sort(Cidr.compare)) {
    const before = merged.at(-1);
    const touches = before?.first.family === cidr.family && cidr.base.bits <= before.last.bits + 1n;
    if (!before || !touches) merged.push({ first: cidr.base, last: cidr.last });
    else if (Ip.compare(cidr.last, before.last) > 0) before.last = cidr.last;
  }
  return merged.flatMap(({ first, last }) => blocksOfRange(first, last));
}

/**
 * The parts of `ranges` that no hole covers, in order; each part keeps the other properties of its range.
 * @param ranges - sorted, disjoint
 * @param holes - sorted, disjoint
 */
export function subtractRanges<R extends NumberRange>(ranges: readonly R[], holes: readonly NumberRange[]): R[] {
  const left: R[] = [];
  let at = 0;
  for (const range of ranges) {
    let from = range.start;
    while (at < holes.length && holes[at]!.end <= from) at++;
    for (let i = at; i < holes.length && holes[i]!.start < range.end; i++) {
      const hole = holes[i]!;
      if (hole.start > from) left.push({ ...range, start: from, end: hole.start });
      from = Math.max(from, hole.end);
    }
    if (from < range.end) left.push({ ...range, start: from });
  }
  return left;
}
