/**
 * Addresses as plain numbers. Nothing here but parsing, formatting and alignment knows that they are 32 bits wide: the ring,
 * the allocations and the grants only add, subtract and compare, which numbers do exactly up to 2^53. An IPv6 universe of at most
 * 2^52 addresses would be kept as offsets from its base; `bench/address.bench.ts` has what bigint would cost instead.
 */
import ipaddr from "ipaddr.js";
import { RingError } from "../errors.ts";

/** A half-open range of addresses. */
export interface Range {
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
}

/** An address with the prefix length of its subnet: `10.32.1.77` and `24`. */
export interface Cidr {
  readonly address: string;
  readonly prefixLength: number;
}

/** Smallest subnet to allocate in: its first and last address are never handed out, so 2 would be too small. */
export const MIN_SUBNET_SIZE = 4;

/** ipaddr.js alone reads octal, hexadecimal, and short forms too, which Go's parser refuses. */
const dottedQuad = /^(?:(?:0|[1-9]\d{0,2})(?:\.(?!$)|$)){4}$/;

/** The number of a dotted quad, or undefined. Strict: four decimal parts, no leading zeros. */
export function parseIpv4(text: string): number | undefined {
  if (!dottedQuad.test(text) || !ipaddr.IPv4.isValid(text)) return undefined;
  return ipaddr.IPv4.parse(text).octets.reduce((value, part) => value * 256 + part, 0);
}

/** The dotted quad of a number. */
export function formatIpv4(address: number): string {
  return `${Math.floor(address / 2 ** 24) % 256}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`;
}

/** `10.32.0.0/12` of its parts. */
export function formatCidr(cidr: Cidr): string {
  return `${cidr.address}/${cidr.prefixLength}`;
}

/** The parts of `10.32.0.0/12`, host bits allowed. @throws RingError INVALID */
export function parseCidr(text: string): Cidr {
  const [address = "", length = "", ...rest] = text.split("/");
  const prefixLength = /^(0|[1-9]\d?)$/.test(length) ? Number(length) : Number.NaN;
  if (rest.length > 0 || parseIpv4(address) === undefined || !(prefixLength <= 32)) {
    throw new RingError("INVALID", `invalid CIDR address: ${text}`);
  }
  return { address, prefixLength };
}

/** The addresses of a subnet. @throws RingError INVALID when it has host bits or fewer than 4 addresses */
export function subnetRange(cidr: Cidr): Range {
  const start = parseIpv4(cidr.address);
  const size = 2 ** (32 - cidr.prefixLength);
  if (start === undefined) throw new RingError("INVALID", `invalid CIDR address: ${formatCidr(cidr)}`);
  if (start % size !== 0) {
    throw new RingError("INVALID", `invalid subnet - bits after network prefix are not all zero: ${formatCidr(cidr)}`);
  }
  if (size < MIN_SUBNET_SIZE) {
    throw new RingError(
      "INVALID",
      `invalid subnet - smaller than minimum size ${MIN_SUBNET_SIZE}: ${formatCidr(cidr)}`,
    );
  }
  return { start, end: start + size };
}

/** A subnet without its first and last address (RFC 1122, 3.2.1.3). */
export function hostRange(subnet: Range): Range {
  return { start: subnet.start + 1, end: subnet.end - 1 };
}

/** Number of addresses. */
export function sizeOf(range: Range): number {
  return range.end - range.start;
}

/** The part that two ranges share; may be empty, with `end <= start`. */
export function clip(range: Range, to: Range): Range {
  return { start: Math.max(range.start, to.start), end: Math.min(range.end, to.end) };
}

/** Text of a range for messages: a CIDR when it is one, else first and last address. */
export function formatRange(range: Range): string {
  const blocks = cidrBlocks(range);
  const [only] = blocks;
  if (only && blocks.length === 1) return `${formatIpv4(only.start)}/${prefixOf(only)}`;
  return `${formatIpv4(range.start)}-${formatIpv4(range.end - 1)}`;
}

function prefixOf(block: Range): number {
  return 32 - Math.log2(sizeOf(block));
}

function highestPowerOf2(size: number): number {
  return 2 ** Math.floor(Math.log2(size));
}

/**
 * A large CIDR-aligned part of a range: Weave Net's choice for a grant (docs/protocol/ipam.md#9.6). It is the largest one,
 * except that of two equal ones the lower is taken, unless only the upper is found at the first try.
 */
export function biggestBlock(range: Range): Range {
  const size = highestPowerOf2(sizeOf(range));
  const offset = range.start % size;
  const spare = sizeOf(range) - size;
  if (offset === 0) return block(range.start, size);
  if (size - offset <= spare) return block(range.start + size - offset, size);
  const half = size / 2;
  return block(range.start + (half >= offset ? half : size) - offset, half);
}

function block(start: number, size: number): Range {
  return { start, end: start + size };
}

/** The fewest CIDR blocks that make up a range, low to high. */
export function cidrBlocks(range: Range): Range[] {
  const blocks: Range[] = [];
  for (let start = range.start; start < range.end; ) {
    let size = highestPowerOf2(range.end - start);
    while (start % size !== 0) size /= 2;
    blocks.push(block(start, size));
    start += size;
  }
  return blocks;
}

/** How many CIDR blocks, hence VPC routes, a sorted list of disjoint ranges needs once neighbours are joined. */
export function countBlocks(ranges: readonly Range[]): number {
  return joinRanges(ranges).reduce((sum, range) => sum + cidrBlocks(range).length, 0);
}

/** Sorted disjoint ranges with adjacent ones joined. */
export function joinRanges(ranges: readonly Range[]): Range[] {
  const joined: { start: number; end: number }[] = [];
  for (const { start, end } of ranges) {
    const last = joined.at(-1);
    if (last?.end === start) last.end = end;
    else joined.push({ start, end });
  }
  return joined;
}
