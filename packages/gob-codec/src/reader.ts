import { Failure } from "./errors.ts";

const decoder = new TextDecoder();
const float = new DataView(new ArrayBuffer(8));
const TWO_32 = 2 ** 32;

/** What one decoded value may use. All counts start anew with each value. */
export interface GobLimits {
  /** Longest single message, in bytes. @defaultValue 16 MiB */
  readonly messageBytes?: number;
  /** Elements of slices, arrays, maps, type definitions together. @defaultValue 1,000,000 */
  readonly elements?: number;
  /** Values inside values. @defaultValue 100 */
  readonly depth?: number;
  /** Types that one stream may define. @defaultValue 1,000 */
  readonly types?: number;
}

/** The limits in force where a caller names none. */
export const DEFAULT_LIMITS: Required<GobLimits> = { messageBytes: 2 ** 24, elements: 1e6, depth: 100, types: 1000 };

/** The stream around a message: an interface value defines its type in place, and may go on in the next message. */
export interface Stream {
  /** Reads definitions up to a type id; returns that id. */
  concreteType(from: Reader): number;
  /** Whether values of a type are structs, which stand alone without a field number. */
  isStruct(id: number): boolean;
  /** Reads and drops a value of a type. */
  skip(id: number, from: Reader): void;
  /** Reads a value of a type without a schema. */
  any(id: number, from: Reader): unknown;
}

/** A cursor over one message; see {@link Writer} for the layouts. Never reads past `end`. */
export class Reader {
  readonly bytes: Uint8Array;
  at: number;
  /** Of the message; an interface value may move the cursor into the next one. */
  end: number;
  /** Absent while a definition is read: definitions hold no interface values. */
  stream: Stream | undefined;
  /** Elements that may still be created. */
  elements: number;
  /** Levels that may still be entered. */
  depth: number;
  /** The two words of the last wide integer. */
  #high = 0;
  #low = 0;

  constructor(bytes: Uint8Array, at: number, end: number, limits: Required<GobLimits>) {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
    this.elements = limits.elements;
    this.depth = limits.depth;
  }

  /** An unsigned integer that JavaScript can hold exactly. */
  uint(): number {
    const first = this.#first();
    if (first < 128) return first;
    this.#words(256 - first);
    if (this.#high > 0x1fffff) throw new Failure("GOB_RANGE", "integer above 2^53; receive it with a 64-bit schema");
    return this.#high * TWO_32 + this.#low;
  }

  /** A signed integer that JavaScript can hold exactly. */
  int(): number {
    const first = this.#first();
    if (first < 128) return first & 1 ? -(first >>> 1) - 1 : first >>> 1;
    this.#words(256 - first);
    const low = ((this.#high << 31) | (this.#low >>> 1)) >>> 0;
    const magnitude = (this.#high >>> 1) * TWO_32 + low;
    const value = this.#low & 1 ? -magnitude - 1 : magnitude;
    if (!Number.isSafeInteger(value))
      throw new Failure("GOB_RANGE", "integer beyond 2^53; receive it with a 64-bit schema");
    return value;
  }

  uint64(): bigint {
    const first = this.#first();
    if (first < 128) return BigInt(first);
    this.#words(256 - first);
    return this.#high === 0 ? BigInt(this.#low) : (BigInt(this.#high) << 32n) | BigInt(this.#low);
  }

  int64(): bigint {
    const value = this.uint64();
    return value & 1n ? ~(value >> 1n) : value >> 1n;
  }

  float(): number {
    const first = this.#first();
    if (first < 128) {
      this.#high = 0;
      this.#low = first;
    } else {
      this.#words(256 - first);
    }
    float.setUint32(0, this.#high);
    float.setUint32(4, this.#low);
    return float.getFloat64(0, true);
  }

  string(): string {
    const length = this.length();
    const from = this.at;
    this.at = from + length;
    if (length > 40) return decoder.decode(this.bytes.subarray(from, this.at));
    let text = "";
    for (let i = from; i < this.at; i++) {
      const code = this.bytes[i] as number;
      if (code > 127) return decoder.decode(this.bytes.subarray(from, this.at));
      text += String.fromCharCode(code);
    }
    return text;
  }

  /** A length and that many bytes, copied: the result outlives the stream's buffer. */
  sized(): Uint8Array {
    const length = this.length();
    const from = this.at;
    this.at = from + length;
    return this.bytes.slice(from, this.at);
  }

  /** A length that the rest of the message can still hold. */
  length(): number {
    const length = this.uint();
    if (length > this.end - this.at) {
      throw new Failure("GOB_MALFORMED", `a length of ${length} in the last ${this.end - this.at} bytes of a message`);
    }
    return length;
  }

  /**
   * A number of elements. Where each takes a byte at least, the message's rest bounds it before anything is allocated; elements
   * with interface values may lie in later messages (`bytesEach` 0).
   */
  count(bytesEach: number): number {
    const count = this.uint();
    if (count * bytesEach > this.end - this.at) {
      throw new Failure("GOB_MALFORMED", `${count} elements in the last ${this.end - this.at} bytes of a message`);
    }
    this.elements -= count;
    if (this.elements < 0) throw new Failure("GOB_LIMIT", "too many elements");
    return count;
  }

  skip(length: number): void {
    this.at += length;
  }

  /** Passes over an integer or float of any size. */
  skipUint(): void {
    const first = this.#first();
    if (first >= 128) this.#words(256 - first);
  }

  enter(): void {
    if (--this.depth < 0) throw new Failure("GOB_LIMIT", "nested too deeply");
  }

  leave(): void {
    this.depth++;
  }

  #first(): number {
    if (this.at >= this.end) throw new Failure("GOB_MALFORMED", "a message ends inside a value");
    return this.bytes[this.at++] as number;
  }

  #words(count: number): void {
    if (count > 8) throw new Failure("GOB_MALFORMED", `an integer of ${count} bytes`);
    if (count > this.end - this.at) throw new Failure("GOB_MALFORMED", "a message ends inside a value");
    const bytes = this.bytes;
    let at = this.at;
    let high = 0;
    let low = 0;
    for (let left = count; left > 4; left--) high = (high << 8) | (bytes[at++] as number);
    for (let left = Math.min(count, 4); left > 0; left--) low = (low << 8) | (bytes[at++] as number);
    this.at = at;
    this.#high = high >>> 0;
    this.#low = low >>> 0;
  }
}
