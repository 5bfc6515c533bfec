import { IpError, quote } from "./errors.ts";
import { type Family, Ip, type IpInput, toIp } from "./ip.ts";

/** A CIDR as public functions accept it: its text or a {@link Cidr}. */
export type CidrInput = string | Cidr;

/** A block of addresses with a common prefix, such as `10.32.0.0/12`. Instances are immutable; host bits are zero. */
export class Cidr {
  /** The first address: the prefix with all host bits zero. */
  readonly base: Ip;
  /** The prefix length: 0 to 32, or 0 to 128. */
  readonly length: number;

  private constructor(base: Ip, length: number) {
    this.base = base;
    this.length = length;
    Object.freeze(this);
  }

  /**
   * Reads `ADDRESS/LENGTH`. The address must be the first of the block: `10.0.0.1/8` is refused, see {@link Cidr.of}.
   * @throws IpError `CIDR_INVALID`
   */
  static parse(text: string): Cidr {
    const { address, cidr } = readInterface(text);
    if (!cidr.base.equals(address)) {
      throw new IpError("CIDR_INVALID", `${quote(text)} has host bits set; write ${cidr}`);
    }
    return cidr;
  }

  /** As {@link Cidr.parse}, but a text that is not a CIDR gives `undefined`. */
  static tryParse(text: string): Cidr | undefined {
    try {
      return Cidr.parse(text);
    } catch (error) {
      if (error instanceof IpError) return undefined;
      throw error;
    }
  }

  /**
   * The block of a length that contains an address.
   * @param length - the prefix length. @defaultValue the whole address: a block of one
   * @throws IpError `ADDRESS_INVALID`, `CIDR_INVALID`
   */
  static of(address: IpInput, length?: number): Cidr {
    const ip = toIp(address);
    const bits = bitsOf(ip.family);
    const prefix = length ?? bits;
    if (!Number.isInteger(prefix) || prefix < 0 || prefix > bits) {
      throw new IpError(
        "CIDR_INVALID",
        `/${prefix} is not a valid IPv${ip.family} prefix length; expected 0 to ${bits}`,
      );
    }
    const host = BigInt(bits - prefix);
    return new Cidr(Ip.fromBits(ip.family, (ip.bits >> host) << host), prefix);
  }

  /** Orders by first address; of two with the same one, the larger block comes first. For `sort`. */
  static compare(a: Cidr, b: Cidr): number {
    return Ip.compare(a.base, b.base) || a.length - b.length;
  }

  get family(): Family {
    return this.base.family;
  }

  /** How many addresses it has: 1 to 2^128. */
  get size(): bigint {
    return 1n << BigInt(bitsOf(this.family) - this.length);
  }

  /** The last address: the prefix with all host bits one. */
  get last(): Ip {
    return Ip.fromBits(this.family, this.base.bits + this.size - 1n);
  }

  /** Whether an address, or every address of a block, is inside. Another family never is. */
  contains(other: IpInput | CidrInput): boolean {
    const inner = toBlock(other);
    return inner.length >= this.length && this.overlaps(inner);
  }

  /** Whether two blocks share an address: then one contains the other. Another family never does. */
  overlaps(other: CidrInput): boolean {
    const { family, base, length } = toCidr(other);
    if (family !== this.family) return false;
    const host = BigInt(bitsOf(family) - Math.min(length, this.length));
    return base.bits >> host === this.base.bits >> host;
  }

  equals(other: CidrInput): boolean {
    const { base, length } = toCidr(other);
    return this.length === length && this.base.equals(base);
  }

  /** The fewest blocks that have every address of this one except those of `other`, in order. */
  subtract(other: CidrInput): Cidr[] {
    const hole = toCidr(other);
    if (!this.overlaps(hole)) return [this];
    if (hole.length <= this.length) return [];
    const left: Cidr[] = [];
    for (let length = this.length + 1; length <= hole.length; length++) {
      // The half of the enclosing block in which the hole is not.
      const sibling = BigInt(bitsOf(this.family) - length);
      left.push(Cidr.of(Ip.fromBits(this.family, Cidr.of(hole.base, length).base.bits ^ (1n << sibling)), length));
    }
    return left.sort(Cidr.compare);
  }

  /**
   * The blocks of a longer prefix inside, in order; made one by one, because there may be 2^128.
   * @throws IpError `CIDR_INVALID` when the length is shorter than this block's or longer than an address
   */
  *blocks(length: number): Generator<Cidr> {
    if (length < this.length) throw new IpError("CIDR_INVALID", `${this} has no blocks of /${length}; it is smaller`);
    let block: Cidr | undefined = Cidr.of(this.base, length);
    while (block !== undefined && this.contains(block)) {
      yield block;
      const following: Ip | undefined = block.base.next(block.size);
      block = following && Cidr.of(following, length);
    }
  }

  /** `10.32.0.0/12` or, by RFC 5952, `2001:db8::/32`. */
  toString(): string {
    return `${this.base}/${this.length}`;
  }

  /** The text. */
  toJSON(): string {
    return this.toString();
  }

  static {
    // Node prints values through this method; other platforms ignore it.
    const inspect = Symbol.for("nodejs.util.inspect.custom");
    Object.defineProperty(Cidr.prototype, inspect, { value: Cidr.prototype.toString });
  }
}

/** An address together with its network, as an interface has it. */
export interface IpInterface {
  readonly address: Ip;
  readonly cidr: Cidr;
}

/**
 * Reads the address and prefix length of an interface, such as `10.32.0.5/12`.
 * @throws IpError `CIDR_INVALID`
 */
export function parseInterface(text: string): IpInterface {
  return readInterface(text);
}

/**
 * A CIDR from either form.
 * @throws IpError `CIDR_INVALID`
 */
export function toCidr(input: CidrInput): Cidr {
  return input instanceof Cidr ? input : Cidr.parse(String(input));
}

function toBlock(input: IpInput | CidrInput): Cidr {
  if (input instanceof Cidr) return input;
  if (input instanceof Ip) return Cidr.of(input);
  return input.includes("/") ? Cidr.parse(input) : Cidr.of(input);
}

function readInterface(text: string): IpInterface {
  const slash = text.indexOf("/");
  const lengthText = text.slice(slash + 1);
  const address = slash < 0 ? undefined : Ip.tryParse(text.slice(0, slash));
  const length = /^(?:0|[1-9]\d{0,2})$/.test(lengthText) ? Number(lengthText) : Number.NaN;
  if (address === undefined || !(length <= bitsOf(address.family))) throw invalidCidr(text, address);
  return { address, cidr: Cidr.of(address, length) };
}

function invalidCidr(text: string, address: Ip | undefined): IpError {
  const family = address?.family ?? (text.includes(":") ? 6 : /^[\d./]+$/.test(text) ? 4 : undefined);
  const form = family === undefined ? "10.32.0.0/12 or 2001:db8::/32" : family === 4 ? "10.32.0.0/12" : "2001:db8::/32";
  const kind = family === undefined ? "" : `IPv${family} `;
  return new IpError("CIDR_INVALID", `${quote(text)} is not a valid ${kind}CIDR; expected a form such as ${form}`);
}

function bitsOf(family: Family): number {
  return family === 4 ? 32 : 128;
}
