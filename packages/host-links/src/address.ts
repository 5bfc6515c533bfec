import { Ip, parseInterface } from "@weaved/ip";
import { LinksError } from "./errors.ts";

/** An address with the prefix length of its network, as an interface has it: `10.32.1.7/24`. The address may have host bits. */
export type Cidr = string;

/** An inclusive range of unsigned integers: addresses, or MACs. */
export interface BitRange {
  readonly first: bigint;
  readonly last: bigint;
}

/** First two bytes of the MACs that are derived from addresses; CNI's bridge plugin uses the same. */
const macPrefix = 0x0a58n;

/** An address and its network. @throws LinksError LINKS_INVALID */
export function readCidr(text: Cidr): ReturnType<typeof parseInterface> {
  return invalidUnless(() => parseInterface(text));
}

/** @throws LinksError LINKS_INVALID */
export function readIp(text: string): Ip {
  return invalidUnless(() => Ip.parse(text));
}

/** @throws LinksError LINKS_INVALID unless the text is an IPv4 address */
export function readIpv4(text: string): Ip {
  const ip = readIp(text);
  if (ip.family !== 4) throw new LinksError("LINKS_INVALID", `"${text}" is not a valid IPv4 address`);
  return ip;
}

function invalidUnless<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw new LinksError("LINKS_INVALID", (cause as Error).message, { cause });
  }
}

/** The subnet of an address: `10.32.1.7/24` gives `10.32.1.0/24`. */
export function subnetOf(cidr: Cidr): Cidr {
  return readCidr(cidr).cidr.toString();
}

/** The address without its prefix length. */
export function hostOf(cidr: Cidr): string {
  return readCidr(cidr.includes("/") ? cidr : withLength(cidr)).address.toString();
}

/** A lone address as a block of one. */
function withLength(address: string): Cidr {
  return `${address}/${address.includes(":") ? 128 : 32}`;
}

/** The block of an address or subnet, without host bits. */
export function blockOf(text: string): { readonly family: 4 | 6 } & BitRange {
  const { cidr } = readCidr(text.includes("/") ? text : withLength(text));
  return { family: cidr.family, first: cidr.base.bits, last: cidr.last.bits };
}

/**
 * The MAC that an interface gets from its first address: `0a:58` and the last four bytes of the address. A reused address
 * therefore keeps its MAC, and neighbours that remember it are right at once. The MAC is locally administered and unicast;
 * CNI's bridge plugin derives MACs in the same way, so capture tools recognise it.
 */
export function macOfAddress(cidr: Cidr): string {
  const { bits } = readIp(hostOf(cidr));
  return formatMac((macPrefix << 32n) | (bits & 0xffffffffn));
}

/** The MACs that {@link macOfAddress} derives from a range of IPv4 addresses. */
export function macsOfRange({ first, last }: BitRange): BitRange {
  return { first: (macPrefix << 32n) | first, last: (macPrefix << 32n) | last };
}

/** @throws LinksError LINKS_INVALID */
export function parseMac(text: string): bigint {
  if (!/^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/i.test(text))
    throw new LinksError("LINKS_INVALID", `"${text}" is not a valid MAC address; expected aa:bb:cc:dd:ee:ff`);
  return BigInt(`0x${text.replaceAll(":", "")}`);
}

/** The text of a MAC address. */
export function formatMac(bits: bigint): string {
  return bits.toString(16).padStart(12, "0").match(/../g)!.join(":");
}

/** The IPv6 link-local address that the kernel derives from a MAC (EUI-64, RFC 4291 appendix A). */
export function linkLocalOf(mac: bigint): bigint {
  const identifier = ((mac >> 24n) << 40n) | (0xfffen << 24n) | (mac & 0xffffffn);
  return (0xfe80n << 112n) | (identifier ^ (1n << 57n));
}

/** Link-local addresses of a range of MACs. They are contiguous only while the first three bytes are the same. */
export function linkLocalsOf({ first, last }: BitRange): BitRange[] {
  const ranges: BitRange[] = [];
  for (let high = first >> 24n; high <= last >> 24n; high++) {
    const [low, top] = [high << 24n, (high << 24n) | 0xffffffn];
    ranges.push({ first: linkLocalOf(low > first ? low : first), last: linkLocalOf(top < last ? top : last) });
  }
  return ranges;
}

/** The same numbers as few ranges, in order and disjoint. */
export function mergeRanges(ranges: readonly BitRange[]): BitRange[] {
  const merged: { first: bigint; last: bigint }[] = [];
  for (const { first, last } of [...ranges].sort((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0))) {
    const before = merged.at(-1);
    if (!before || first > before.last + 1n) merged.push({ first, last });
    else if (last > before.last) before.last = last;
  }
  return merged;
}

/** Whether the kernel and our batches accept an interface name: 1 to 15 characters, no blanks, slashes, or quotes. */
export function isInterfaceName(name: string): boolean {
  return /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,14}$/.test(name);
}

/** @throws LinksError LINKS_INVALID */
export function checkInterfaceName(name: string): void {
  if (!isInterfaceName(name))
    throw new LinksError(
      "LINKS_INVALID",
      `"${name}" is not a valid interface name; expected 1 to 15 letters or digits`,
    );
}
