import { LinksError } from "./errors.ts";

/** IPv4 address with prefix length in text form: `10.32.1.7/24`. The address may have host bits. */
export type Cidr = string;

/** A CIDR in parts; `address` as an unsigned 32-bit integer. */
export interface ParsedCidr {
  readonly address: number;
  readonly prefixLength: number;
}

/**
 * Reads `a.b.c.d`, strictly: four decimal parts without leading zeros, because what an address means must not depend on the reader.
 *
 * @throws LinksError LINKS_INVALID
 */
export function parseIpv4(text: string): number {
  const parts = text.split(".");
  const valid = parts.length === 4 && parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255);
  if (!valid) throw new LinksError("LINKS_INVALID", `"${text}" is no IPv4 address; expected a.b.c.d`);
  return parts.reduce((sum, part) => sum * 256 + Number(part), 0);
}

/** Text form of an unsigned 32-bit address. */
export function formatIpv4(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join(".");
}

/** @throws LinksError LINKS_INVALID */
export function parseCidr(text: Cidr): ParsedCidr {
  const [address, length, extra] = text.split("/");
  const valid = extra === undefined && /^(?:\d|[12]\d|3[0-2])$/.test(length ?? "");
  if (!valid) throw new LinksError("LINKS_INVALID", `"${text}" is no address with prefix length; expected a.b.c.d/n`);
  return { address: parseIpv4(address!), prefixLength: Number(length) };
}

/** The subnet that an address is in: `10.32.1.7/24` gives `10.32.1.0/24`. */
export function subnetOf(cidr: Cidr): Cidr {
  const { address, prefixLength } = parseCidr(cidr);
  const size = 2 ** (32 - prefixLength);
  return `${formatIpv4(Math.floor(address / size) * size)}/${prefixLength}`;
}

/**
 * The MAC an interface gets from its first address: `0a:58` and the four bytes of the address. So a reused address keeps its
 * MAC, and neighbours that remember it are right at once. Locally administered, unicast; `0a:58` is what CNI's bridge
 * plugin uses for the same purpose, so capture tools recognise it.
 */
export function macOfAddress(cidr: Cidr): string {
  const { address } = parseCidr(cidr.includes("/") ? cidr : `${cidr}/32`);
  const bytes = [24, 16, 8, 0].map((shift) => ((address >>> shift) & 255).toString(16).padStart(2, "0"));
  return `0a:58:${bytes.join(":")}`;
}

/** Whether an interface name is one that the kernel and our batches accept: 1 to 15 characters, no blanks, slashes, or quotes. */
export function isInterfaceName(name: string): boolean {
  return /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,14}$/.test(name);
}
