/** IPv4 addresses as unsigned 32-bit integers, first octet most significant; strict, because peers must agree on what was meant. */

const octet = /^(0|[1-9][0-9]{0,2})$/;

/** Dotted-quad text to an integer. Undefined for anything but four decimal octets without leading zeros. */
export function parseIpv4(text: string): number | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  let value = 0;
  for (const part of parts) {
    if (!octet.test(part) || Number(part) > 255) return undefined;
    value = value * 256 + Number(part);
  }
  return value;
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
  const halves = text.split("::");
  if (halves.length > 2 || text.includes(":::")) return undefined;
  const groups = halves.map((half) => (half === "" ? [] : half.split(":")));
  const given = groups.reduce((sum, group) => sum + group.length, 0);
  if (halves.length === 2 ? given > 7 : given !== 8) return undefined;
  const [head = [], tail = []] = groups;
  const all = halves.length === 2 ? [...head, ...Array<string>(8 - given).fill("0"), ...tail] : head;
  const bytes = new Uint8Array(16);
  for (const [i, group] of all.entries()) {
    if (!/^[0-9a-fA-F]{1,4}$/.test(group)) return undefined;
    const value = Number.parseInt(group, 16);
    bytes[i * 2] = value >>> 8;
    bytes[i * 2 + 1] = value & 255;
  }
  return bytes;
}
