/** Big-endian access without a DataView: these run per frame, so they allocate nothing. */

export function get16(b: Uint8Array, at: number): number {
  return ((b[at] as number) << 8) | (b[at + 1] as number);
}

export function put16(b: Uint8Array, at: number, value: number): void {
  b[at] = value >>> 8;
  b[at + 1] = value;
}

export function get32(b: Uint8Array, at: number): number {
  return (get16(b, at) * 0x10000 + get16(b, at + 2)) >>> 0;
}

export function put32(b: Uint8Array, at: number, value: number): void {
  put16(b, at, value >>> 16);
  put16(b, at + 2, value & 0xffff);
}

/** A 48-bit integer: a peer's name, a MAC address. Exact in a double. */
export function get48(b: Uint8Array, at: number): number {
  return get16(b, at) * 0x100000000 + get32(b, at + 2);
}

export function put48(b: Uint8Array, at: number, value: number): void {
  put16(b, at, Math.floor(value / 0x100000000));
  put32(b, at + 2, value >>> 0);
}

/** Text of a 48-bit integer: `7a:9f:eb:b6:0c:6e`. */
export function formatMac(value: number): string {
  return value
    .toString(16)
    .padStart(12, "0")
    .replace(/..(?!$)/g, "$&:");
}

/** Text of an IPv4 address given as an unsigned integer. */
export function formatIpv4(value: number): string {
  return `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}`;
}

/** Strict dotted decimal, or undefined. */
export function parseIpv4(text: string): number | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (!match) return undefined;
  let value = 0;
  for (const part of match.slice(1)) {
    if (Number(part) > 255 || (part.length > 1 && part.startsWith("0"))) return undefined;
    value = value * 256 + Number(part);
  }
  return value;
}
