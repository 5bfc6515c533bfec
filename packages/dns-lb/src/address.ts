/** IPv4 addresses as unsigned 32-bit integers, first octet most significant; strict, because peers must agree on what was meant. */

import ipaddr from "ipaddr.js";

const octet = /^(0|[1-9][0-9]{0,2})$/;
/** ipaddr.js alone reads octal, hexadecimal, and short forms too. */
const dottedQuad = /^(?:(?:0|[1-9][0-9]{0,2})(?:\.(?!$)|$)){4}$/;

/** Dotted-quad text to an integer. Undefined for anything but four decimal octets without leading zeros. */
export function parseIpv4(text: string): number | undefined {
  if (!dottedQuad.test(text) || !ipaddr.IPv4.isValid(text)) return undefined;
  return ipaddr.IPv4.parse(text).octets.reduce((value, part) => value * 256 + part, 0);
}

/** An integer as dotted-quad text. */
export const formatIpv4 = (address: number): string =>
  `${(address >>> 24) & 255}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`;

/** A range of addresses by its first address and prefix length (0 to 32). */
export interface Subnet {
  readonly base: number;
  readonly prefix: number;
}

/** `10.32.0.0/12` to a subnet; host bits are dropped. Undefined when malformed. */
export function parseSubnet(text: string): Subnet | undefined {
  const [address, length, ...rest] = text.split("/");
  const base = parseIpv4(address ?? "");
  if (base === undefined || length === undefined || rest.length > 0 || !octet.test(length)) return undefined;
  const prefix = Number(length);
  return prefix > 32 ? undefined : { base: base - (base % 2 ** (32 - prefix)), prefix };
}

/** Whether an address lies in a subnet. */
export const contains = (subnet: Subnet, address: number): boolean =>
  address >= subnet.base && address < subnet.base + 2 ** (32 - subnet.prefix);

/** IPv6 text (hexadecimal groups, at most one `::`, no zone, no dotted tail) to 16 bytes. Undefined when malformed. */
export function parseIpv6(text: string): Uint8Array | undefined {
  if (!/^[0-9a-fA-F:]+$/.test(text) || !ipaddr.IPv6.isValid(text)) return undefined;
  return Uint8Array.from(ipaddr.IPv6.parse(text).toByteArray());
}
