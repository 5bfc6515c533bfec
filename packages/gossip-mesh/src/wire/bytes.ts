/** Plain binary numbers and text, big-endian, for messages of our own: no definitions to send, nothing to look up. */
import { MeshError } from "../errors.ts";
import type { PeerName } from "../ports.ts";

const FIRST_BYTES = 256;
/** Longest text: nicknames and addresses are short. */
const MAX_TEXT_BYTES = 1024;
/** Of a seven-bit group of a count, and of as many groups as it may have: 2^28 is more than any message can hold. */
const GROUP = 128;
const MAX_GROUPS = 4;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Writes values one after the other. Made once and used again and again: its buffer is what is costly. */
export class ByteWriter {
  #bytes: Uint8Array = new Uint8Array(FIRST_BYTES);
  #view: DataView = new DataView(this.#bytes.buffer);
  #length = 0;

  /** Makes room, and returns where it begins. */
  #room(count: number): number {
    const at = this.#length;
    this.#length += count;
    if (this.#length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length));
      larger.set(this.#bytes);
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    return at;
  }

  u8(value: number): void {
    const at = this.#room(1);
    this.#bytes[at] = value;
  }
  u16(value: number): void {
    const at = this.#room(2);
    this.#view.setUint16(at, value);
  }
  u32(value: number): void {
    const at = this.#room(4);
    this.#view.setUint32(at, value);
  }
  u64(value: bigint): void {
    const at = this.#room(8);
    this.#view.setBigUint64(at, value);
  }
  /** 48 bits. */
  name(value: PeerName): void {
    this.u16(Math.floor(value / 2 ** 32));
    this.u32(value % 2 ** 32);
  }
  /** Seven bits a byte, lowest first; the high bit says that more follow. */
  count(value: number): void {
    let rest = value;
    for (; rest >= GROUP; rest = Math.floor(rest / GROUP)) this.u8((rest % GROUP) + GROUP);
    this.u8(rest);
  }
  /** UTF-8 after its length; what is too long is cut. */
  text(value: string): void {
    const bytes = encoder.encode(value).subarray(0, MAX_TEXT_BYTES);
    this.count(bytes.length);
    this.raw(bytes);
  }
  raw(bytes: Uint8Array): void {
    const at = this.#room(bytes.length);
    this.#bytes.set(bytes, at);
  }
  /** What has been written, as bytes of its own; the writer is empty then. */
  finish(): Uint8Array {
    const bytes = this.#bytes.slice(0, this.#length);
    this.#length = 0;
    return bytes;
  }
}

/** Reads them back. All methods throw MeshError MESH_GOSSIP where the bytes end too early. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  get remaining(): number {
    return this.#bytes.length - this.#at;
  }
  /** Where the next value begins. */
  get at(): number {
    return this.#at;
  }
  /** What lies between two places, not copied. */
  between(start: number, end: number): Uint8Array {
    return this.#bytes.subarray(start, end);
  }

  #take(count: number): number {
    const at = this.#at;
    if (count > this.#bytes.length - at) throw new MeshError("MESH_GOSSIP", "a sync message is cut short");
    this.#at += count;
    return at;
  }

  u8(): number {
    return this.#bytes[this.#take(1)]!;
  }
  u16(): number {
    return this.#view.getUint16(this.#take(2));
  }
  u32(): number {
    return this.#view.getUint32(this.#take(4));
  }
  u64(): bigint {
    return this.#view.getBigUint64(this.#take(8));
  }
  name(): PeerName {
    return this.u16() * 2 ** 32 + this.u32();
  }
  /** A number of things that take `bytesEach` at least: one that cannot be is refused before room is made for it. */
  count(bytesEach: number): number {
    let value = 0;
    for (let group = 0; group < MAX_GROUPS; group++) {
      const byte = this.u8();
      value += (byte % GROUP) * GROUP ** group;
      if (byte >= GROUP) continue;
      if (value * bytesEach > this.remaining) throw new MeshError("MESH_GOSSIP", `a count of ${value} is too many`);
      return value;
    }
    throw new MeshError("MESH_GOSSIP", "a count has no end");
  }
  text(): string {
    const length = this.count(1);
    if (length > MAX_TEXT_BYTES) throw new MeshError("MESH_GOSSIP", `a text of ${length} bytes`);
    const at = this.#take(length);
    return decoder.decode(this.#bytes.subarray(at, at + length));
  }
}
