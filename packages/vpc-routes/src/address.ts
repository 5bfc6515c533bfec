import { VpcRoutesError } from "./errors.ts";

/** A CIDR of either family: `base` has its host bits clear. */
export interface Cidr {
  readonly family: 4 | 6;
  readonly base: bigint;
  /** Prefix length: 0..32 or 0..128. */
  readonly length: number;
}

const DECIMAL = /^(0|[1-9]\d{0,2})$/;

/**
 * Strict dotted quad: no leading zeros, no short forms, because peers must agree on what was meant.
 * @throws VpcRoutesError `ADDRESS_INVALID`
 */
export function parseIpv4(text: string): number {
  const parts = text.split(".");
  let value = 0;
  for (const part of parts) {
    if (!DECIMAL.test(part) || Number(part) > 255) throw invalid(text, "IPv4 address");
    value = value * 256 + Number(part);
  }
  if (parts.length !== 4) throw invalid(text, "IPv4 address");
  return value;
}

/** Dotted quad of an unsigned 32-bit integer. */
export function formatIpv4(value: number): string {
  return `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}`;
}

/**
 * A CIDR of either family. Host bits are cleared, as EC2 does (100.68.0.18/18 becomes 100.68.0.0/18).
 * @throws VpcRoutesError `ADDRESS_INVALID`
 */
export function parseCidr(text: string): Cidr {
  const [address = "", lengthText = "", rest] = text.split("/");
  const family = address.includes(":") ? 6 : 4;
  const bits = family === 4 ? 32 : 128;
  if (rest !== undefined || !DECIMAL.test(lengthText) || Number(lengthText) > bits) throw invalid(text, "CIDR");
  const length = Number(lengthText);
  const value = family === 4 ? BigInt(parseIpv4(address)) : parseIpv6(address);
  const host = BigInt(bits - length);
  return { family, base: (value >> host) << host, length };
}

/** Canonical text of a CIDR: RFC 5952 for IPv6. */
export function formatCidr(cidr: Cidr): string {
  const address = cidr.family === 4 ? formatIpv4(Number(cidr.base)) : formatIpv6(cidr.base);
  return `${address}/${cidr.length}`;
}

/** Whether two CIDRs share an address. Families never do. */
export function overlaps(a: Cidr, b: Cidr): boolean {
  if (a.family !== b.family) return false;
  const host = BigInt((a.family === 4 ? 32 : 128) - Math.min(a.length, b.length));
  return a.base >> host === b.base >> host;
}

/** Whether every address of `inner` is in `outer`. */
export function contains(outer: Cidr, inner: Cidr): boolean {
  return inner.length >= outer.length && overlaps(outer, inner);
}

function parseIpv6(text: string): bigint {
  const halves = text.split("::");
  if (halves.length > 2) throw invalid(text, "IPv6 address");
  const groups = halves.map((half) => (half === "" ? [] : half.split(":")));
  const given = groups.reduce((sum, half) => sum + half.length, 0);
  if (halves.length === 1 ? given !== 8 : given > 7) throw invalid(text, "IPv6 address");
  const zeros = new Array<string>(8 - given).fill("0");
  let value = 0n;
  for (const group of [...(groups[0] ?? []), ...zeros, ...(groups[1] ?? [])]) {
    if (!/^[0-9a-fA-F]{1,4}$/.test(group)) throw invalid(text, "IPv6 address");
    value = (value << 16n) | BigInt(`0x${group}`);
  }
  return value;
}

function formatIpv6(value: bigint): string {
  const groups = Array.from({ length: 8 }, (_, i) => ((value >> BigInt(112 - 16 * i)) & 0xffffn).toString(16));
  // The longest run of zero groups, the first of equals, two or more (RFC 5952 section 4.2).
  let best = { at: -1, size: 1 };
  for (let at = 0; at < 8; at++) {
    let size = 0;
    while (groups[at + size] === "0") size++;
    if (size > best.size) best = { at, size };
  }
  if (best.at < 0) return groups.join(":");
  return `${groups.slice(0, best.at).join(":")}::${groups.slice(best.at + best.size).join(":")}`;
}

function invalid(text: string, what: string): VpcRoutesError {
  return new VpcRoutesError("ADDRESS_INVALID", `${JSON.stringify(text)} is not an ${what}`);
}
