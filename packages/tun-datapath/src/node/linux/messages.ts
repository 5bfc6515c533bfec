import { libc } from "./libc.ts";

/**
 * An array of `mmsghdr` with its parts, laid out once, for recvmmsg and sendmmsg on 64-bit Linux.
 *
 * ```text
 * mmsghdr (64): | name* (8) | namelen (4) + pad (4) | iov* (8) | iovlen (8) | control* (8) | controllen (8) | flags (4) + pad | len (4) + pad |
 *               0           8                       16         24           32             40               48                56
 * iovec (16):   | base* (8) | length (8) |
 * cmsg (24):    | length (8) = 20 | level (4) | type (4) | value (4) | pad (4) |
 * ```
 * Sources: linux/socket.h, bits/socket.h; a test compares the sizes with what the kernel fills in.
 */
const HEADER = 64;
const IOVEC = 16;
const CMSG = 24;
const SOL_UDP = 17;
/** UDP_SEGMENT: on sending, cut at this many bytes. UDP_GRO: on arrival, was cut at this many bytes. */
const UDP_SEGMENT = 103;
const UDP_GRO = 104;

/** Sizes of a {@link Messages}. */
export interface MessagesOptions {
  readonly count: number;
  /** Pieces of memory that one message may gather. */
  readonly iovecs: number;
}

/** `mmsghdr` array whose fields are set by index. Nothing is allocated after construction. */
export class Messages {
  /** To be handed to sendmmsg or recvmmsg. */
  readonly headers: Buffer;
  /** One `sockaddr_in` per message. */
  readonly names: Buffer;
  readonly #iovecs: Buffer;
  readonly #control: Buffer;
  readonly #words: DataView;
  readonly #iovecWords: DataView;
  readonly #controlWords: DataView;
  readonly #perMessage: number;

  constructor({ count, iovecs }: MessagesOptions) {
    const c = libc();
    this.#perMessage = iovecs;
    this.headers = Buffer.alloc(count * HEADER);
    this.names = Buffer.alloc(count * 16);
    this.#iovecs = Buffer.alloc(count * iovecs * IOVEC);
    this.#control = Buffer.alloc(count * CMSG);
    this.#words = view(this.headers);
    this.#iovecWords = view(this.#iovecs);
    this.#controlWords = view(this.#control);
    const [names, iov, control] = [c.address(this.names), c.address(this.#iovecs), c.address(this.#control)];
    for (let i = 0; i < count; i++) {
      const at = i * HEADER;
      this.#words.setBigUint64(at, names + BigInt(i * 16), true);
      this.#words.setUint32(at + 8, 16, true);
      this.#words.setBigUint64(at + 16, iov + BigInt(i * iovecs * IOVEC), true);
      this.#words.setBigUint64(at + 24, 1n, true);
      this.#words.setBigUint64(at + 32, control + BigInt(i * CMSG), true);
    }
  }

  /** Sets piece `k` of message `i`. The address is split in two words: a BigInt would be an allocation per frame. */
  setPiece(i: number, k: number, address: number, length: number): void {
    const at = (i * this.#perMessage + k) * IOVEC;
    this.#iovecWords.setUint32(at, address % 0x100000000, true);
    this.#iovecWords.setUint32(at + 4, Math.floor(address / 0x100000000), true);
    this.#iovecWords.setUint32(at + 8, length, true);
  }

  setPieces(i: number, pieces: number): void {
    this.#words.setUint32(i * HEADER + 24, pieces, true);
  }

  /** Has the kernel cut message `i` at every `size` bytes; 0: send it as one datagram. */
  setSegment(i: number, size: number): void {
    this.#words.setUint32(i * HEADER + 40, size > 0 ? CMSG : 0, true);
    if (size === 0) return;
    const at = i * CMSG;
    this.#controlWords.setUint32(at, 18, true);
    this.#controlWords.setUint32(at + 4, 0, true);
    this.#controlWords.setInt32(at + 8, SOL_UDP, true);
    this.#controlWords.setInt32(at + 12, UDP_SEGMENT, true);
    this.#controlWords.setUint16(at + 16, size, true);
  }

  /** Makes message `i` ready to be received into: the kernel overwrites these lengths each time. */
  prepareReceive(i: number): void {
    this.#words.setUint32(i * HEADER + 8, 16, true);
    this.#words.setUint32(i * HEADER + 40, CMSG, true);
    this.#words.setUint32(i * HEADER + 48, 0, true);
  }

  /** Bytes received into message `i`. */
  received(i: number): number {
    return this.#words.getUint32(i * HEADER + 56, true);
  }

  /** Whether message `i` did not fit (MSG_TRUNC). */
  truncated(i: number): boolean {
    return (this.#words.getUint32(i * HEADER + 48, true) & 0x20) !== 0;
  }

  /** Size at which message `i` had been cut before the kernel joined it; 0 when it is a single datagram. */
  receivedSegment(i: number): number {
    if (this.#words.getUint32(i * HEADER + 40, true) < 20) return 0;
    const at = i * CMSG;
    if (this.#controlWords.getInt32(at + 8, true) !== SOL_UDP) return 0;
    return this.#controlWords.getInt32(at + 12, true) === UDP_GRO ? this.#controlWords.getInt32(at + 16, true) : 0;
  }

  /** Makes sending start at message `i`. */
  headersFrom(i: number): Uint8Array {
    return i === 0 ? this.headers : this.headers.subarray(i * HEADER);
  }
}

function view(b: Buffer): DataView {
  return new DataView(b.buffer, b.byteOffset, b.byteLength);
}
