import { Failure } from "./errors.ts";

const encoder = new TextEncoder();
const float = new DataView(new ArrayBuffer(8));
const TWO_32 = 2 ** 32;

/**
 * A buffer that grows, and gob's primitives.
 *
 * ```text
 * uint < 128     | value |
 * other uint     | 256 - n | n bytes, big-endian, no leading zero |        n = 1..8
 * int i          the uint  i << 1  for i >= 0,  ~i << 1 | 1  for i < 0
 * float          the uint of its 8 IEEE bytes in reverse order
 * string, bytes  | uint length | bytes |
 * ```
 * Source: the documentation of Go's `encoding/gob`, "Encoding Details". Example: 1000 as int is `fe 07 d0`.
 */
export class Writer {
  bytes: Uint8Array;
  at = 0;

  constructor(size = 1024) {
    this.bytes = new Uint8Array(size);
  }

  /** Makes room for `count` more bytes. */
  reserve(count: number): void {
    if (this.at + count <= this.bytes.length) return;
    const larger = new Uint8Array(Math.max(this.bytes.length * 2, this.at + count));
    larger.set(this.bytes.subarray(0, this.at));
    this.bytes = larger;
  }

  byte(value: number): void {
    this.reserve(1);
    this.bytes[this.at++] = value;
  }

  raw(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.bytes.set(bytes, this.at);
    this.at += bytes.length;
  }

  /** A non-negative integer below 2^53. */
  uint(value: number): void {
    this.reserve(9);
    if (value < 128) {
      this.bytes[this.at++] = value;
    } else if (value < TWO_32) {
      this.#words(0, value);
    } else {
      this.#words(Math.floor(value / TWO_32), value % TWO_32);
    }
  }

  /** Any safe integer. The doubled value may pass 2^53, so it is built from two words. */
  int(value: number): void {
    this.reserve(9);
    const magnitude = value < 0 ? -value - 1 : value;
    const sign = value < 0 ? 1 : 0;
    if (magnitude < 64) {
      this.bytes[this.at++] = magnitude * 2 + sign;
    } else if (magnitude < 2 ** 31) {
      this.#words(0, magnitude * 2 + sign);
    } else {
      const high = Math.floor(magnitude / 2 ** 31);
      this.#words(high, (magnitude % 2 ** 31) * 2 + sign);
    }
  }

  uint64(value: bigint): void {
    if (value <= 0xffffffffn) {
      this.uint(Number(value));
      return;
    }
    this.reserve(9);
    this.#words(Number(value >> 32n), Number(value & 0xffffffffn));
  }

  int64(value: bigint): void {
    this.uint64(value < 0n ? (~value << 1n) | 1n : value << 1n);
  }

  float(value: number): void {
    float.setFloat64(0, value, true);
    this.reserve(9);
    const high = float.getUint32(0);
    const low = float.getUint32(4);
    if (high === 0 && low < 128) this.bytes[this.at++] = low;
    else this.#words(high, low);
  }

  string(value: string): void {
    const length = value.length;
    this.reserve(length * 3 + 9);
    // Short ASCII, which is most of what programs exchange, is written here: a call into the engine's encoder costs more.
    if (length < 64) {
      const bytes = this.bytes;
      const start = this.at;
      let at = start + 1;
      for (let i = 0; i < length; i++) {
        const code = value.charCodeAt(i);
        if (code > 127) {
          this.#encoded(value);
          return;
        }
        bytes[at++] = code;
      }
      bytes[start] = length;
      this.at = at;
      return;
    }
    this.#encoded(value);
  }

  /** A length and the bytes. */
  sized(bytes: Uint8Array): void {
    this.uint(bytes.length);
    this.raw(bytes);
  }

  /** The bytes written since `from`, as a copy. */
  copy(from = 0): Uint8Array {
    return this.bytes.slice(from, this.at);
  }

  #encoded(value: string): void {
    const start = this.at;
    const { written } = encoder.encodeInto(value, this.bytes.subarray(start + 9));
    this.uint(written);
    this.bytes.copyWithin(this.at, start + 9, start + 9 + written);
    this.at += written;
  }

  /** Room is reserved, and the value is at least 128. */
  #words(high: number, low: number): void {
    const bytes = this.bytes;
    let count = 4 - (Math.clz32(low) >>> 3);
    if (high !== 0) count = 8 - (Math.clz32(high) >>> 3);
    bytes[this.at++] = 256 - count;
    for (let shift = (count - 5) * 8; shift >= 0; shift -= 8) bytes[this.at++] = high >>> shift;
    for (let shift = (Math.min(count, 4) - 1) * 8; shift >= 0; shift -= 8) bytes[this.at++] = low >>> shift;
  }
}

/** Throws unless `value` is an integer within the bounds. */
export function checkInteger(value: unknown, min: number, max: number, name: string): number {
  if (typeof value !== "number" || !Number.isInteger(value)) {
    throw new Failure("GOB_VALUE", `expected an integer for ${name}, got ${describe(value)}`);
  }
  if (value < min || value > max) throw new Failure("GOB_RANGE", `${value} does not fit ${name}`);
  return value;
}

/** A value in a few words, for messages. */
export function describe(value: unknown): string {
  if (value === null) return "null";
  if (typeof value === "number" || typeof value === "bigint" || typeof value === "boolean") return String(value);
  if (typeof value === "string") return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}...` : value);
  if (Array.isArray(value)) return "an array";
  return typeof value === "object" ? (value.constructor?.name ?? "an object") : typeof value;
}
