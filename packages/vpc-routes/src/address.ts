import ipaddr from "ipaddr.js";
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

/** No zone, no dotted tail, which ipaddr.js alone would take. */
function parseIpv6(text: string): bigint {
  if (!/^[0-9a-fA-F:]+$/.test(text) || !ipaddr.IPv6.isValid(text)) throw invalid(text, "IPv6 address");
  return ipaddr.IPv6.parse(text).parts.reduce((value, part) => (value << 16n) | BigInt(part), 0n);
}

function formatIpv6(value: bigint): string {
  const parts = Array.from({ length: 8 }, (_, i) => Number((value >> BigInt(112 - 16 * i)) & 0xffffn));
  return new ipaddr.IPv6(parts).toRFC5952String();
}

function invalid(text: string, what: string): VpcRoutesError {
  return new VpcRoutesError("ADDRESS_INVALID", `${JSON.stringify(text)} is not an ${what}`);
}
