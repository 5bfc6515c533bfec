import { IpError } from "./errors.ts";
import { invalidAddress, readIpv4, readIpv6, writeIpv4, writeIpv6 } from "./text.ts";

/** The version of the Internet Protocol. */
export type Family = 4 | 6;

/** An address as public functions accept it: its text or an {@link Ip}. */
export type IpInput = string | Ip;

/** The last address of each family. */
const LAST: Readonly<Record<Family, bigint>> = { 4: 2n ** 32n - 1n, 6: 2n ** 128n - 1n };

/**
 * An IPv4 or IPv6 address. Instances are immutable, have canonical text, and become that text in JSON.
 *
 * An IPv4-mapped address (`::ffff:192.0.2.1`) is an IPv6 address, different from `192.0.2.1`; see {@link Ip.unmapped}.
 */
export class Ip {
  readonly family: Family;
  /** The address as an unsigned integer of 32 or 128 bits. */
  readonly bits: bigint;

  private constructor(family: Family, bits: bigint) {
    this.family = family;
    this.bits = bits;
    Object.freeze(this);
  }

  /**
   * Reads a strict text: IPv4 as four decimal parts without leading zeros, IPv6 as RFC 4291 without a zone id.
   * @throws IpError `ADDRESS_INVALID`
   */
  static parse(text: string): Ip {
    const ip = Ip.tryParse(text);
    if (ip === undefined) throw invalidAddress(text);
    return ip;
  }

  /** As {@link Ip.parse}, but a text that is not an address gives `undefined`. */
  static tryParse(text: string): Ip | undefined {
    if (text.includes(":")) {
      const bits = readIpv6(text);
      return bits === undefined ? undefined : new Ip(6, bits);
    }
    const value = readIpv4(text);
    return value === undefined ? undefined : new Ip(4, BigInt(value));
  }

  /**
   * The IPv4 address of an unsigned 32-bit integer.
   * @throws IpError `OUT_OF_RANGE`
   */
  static v4(value: number): Ip {
    if (!Number.isInteger(value)) throw new IpError("OUT_OF_RANGE", `${value} is not a 32-bit unsigned integer`);
    return Ip.fromBits(4, BigInt(value));
  }

  /**
   * The address of an unsigned integer of 32 or 128 bits.
   * @throws IpError `OUT_OF_RANGE`
   */
  static fromBits(family: Family, bits: bigint): Ip {
    if (bits < 0n || bits > LAST[family]) {
      throw new IpError("OUT_OF_RANGE", `${bits} does not fit an IPv${family} address`);
    }
    return new Ip(family, bits);
  }

  /**
   * The address of 4 or 16 bytes in network order.
   * @throws IpError `OUT_OF_RANGE`
   */
  static fromBytes(bytes: Uint8Array): Ip {
    if (bytes.length !== 4 && bytes.length !== 16) {
      throw new IpError("OUT_OF_RANGE", `${bytes.length} bytes do not make an address; expected 4 or 16`);
    }
    const bits = bytes.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
    return new Ip(bytes.length === 4 ? 4 : 6, bits);
  }

  /** Orders IPv4 before IPv6, then by number. For `sort`. */
  static compare(a: Ip, b: Ip): number {
    if (a.family !== b.family) return a.family - b.family;
    return a.bits < b.bits ? -1 : a.bits > b.bits ? 1 : 0;
  }

  /**
   * The unsigned 32-bit integer of an IPv4 address.
   * @throws IpError `FAMILY_MISMATCH` for IPv6
   */
  toNumber(): number {
    if (this.family === 6) throw new IpError("FAMILY_MISMATCH", `${this} is not an IPv4 address`);
    return Number(this.bits);
  }

  /** The 4 or 16 bytes in network order; a new array. */
  toBytes(): Uint8Array {
    const count = this.family === 4 ? 4 : 16;
    return Uint8Array.from({ length: count }, (_, i) => Number((this.bits >> BigInt(8 * (count - 1 - i))) & 0xffn));
  }

  /** Whether both are the same address of the same family. */
  equals(other: IpInput): boolean {
    const { family, bits } = toIp(other);
    return this.bits === bits && this.family === family;
  }

  /** The IPv4 address inside an IPv4-mapped IPv6 address; any other address as it is. */
  unmapped(): Ip {
    return this.family === 6 && this.bits >> 32n === 0xffffn ? new Ip(4, this.bits & LAST[4]) : this;
  }

  /** The address `count` places further (or back, when negative); `undefined` past either end of the family. */
  next(count: number | bigint = 1): Ip | undefined {
    const bits = this.bits + BigInt(count);
    return bits < 0n || bits > LAST[this.family] ? undefined : new Ip(this.family, bits);
  }

  /** Canonical text: a dotted quad, or RFC 5952. */
  toString(): string {
    return this.family === 4 ? writeIpv4(Number(this.bits)) : writeIpv6(this.bits);
  }

  /** The text. */
  toJSON(): string {
    return this.toString();
  }

  static {
    // Node prints values through this method; other platforms ignore it.
    const inspect = Symbol.for("nodejs.util.inspect.custom");
    Object.defineProperty(Ip.prototype, inspect, { value: Ip.prototype.toString });
  }
}

/**
 * An address from either form.
 * @throws IpError `ADDRESS_INVALID`
 */
export function toIp(input: IpInput): Ip {
  return input instanceof Ip ? input : Ip.parse(String(input));
}
