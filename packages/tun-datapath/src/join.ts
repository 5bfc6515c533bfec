import { get16, get32, put16 } from "./bytes.ts";
import { addWords, fold, putIpv4Checksum } from "./checksum.ts";
import { ETHERNET_BYTES, TYPE_IPV4 } from "./ethernet.ts";
import { GSO_TCP4, NEEDS_CHECKSUM, pseudoHeader, VNET_BYTES } from "./vnet.ts";

const IP: number = ETHERNET_BYTES;
const TCP: number = IP + 20;
const PROTOCOL_TCP = 6;
const ACK = 0x10;
const PSH = 0x08;
/** Largest IP packet that may come about. */
const MAX_PACKET = 65_000;

/**
 * Joins TCP segments that follow each other into the super-frame they came from, so that the TAP device takes one write
 * for up to 64 KiB; what a network card with LRO does, with the kernel's own rules (net/ipv4/tcp_offload.c): same headers
 * but for length, identification, sequence, checksum; whole segments, only the last shorter; no flag but ACK, PSH.
 *
 * Checksums are verified before joining, because the joined frame asks the kernel to make a new one: damage must not be
 * made good that way. A frame that does not verify travels alone, as it is, and the receiver drops it.
 */
export class TcpJoiner {
  /** `virtio_net_hdr`, then the frame. */
  readonly memory: Uint8Array;
  #length = 0;
  #headerBytes = 0;
  #segment = 0;
  #nextSequence = 0;
  #frames = 0;
  #closed = false;

  constructor(memory: Uint8Array) {
    this.memory = memory;
  }

  /** Frames held. */
  get frames(): number {
    return this.#frames;
  }

  /** Takes a frame if it continues what is held; false: flush, then `start` with it. */
  append(b: Uint8Array, frame: number, length: number): boolean {
    if (this.#frames === 0 || this.#closed) return false;
    const header = this.#headerBytes;
    const payload = length - header;
    if (payload <= 0 || payload > this.#segment || this.#length + payload > MAX_PACKET) return false;
    if (get32(b, frame + TCP + 4) !== this.#nextSequence || !this.#sameHeaders(b, frame, length)) return false;
    if (!verifies(b, frame, length)) return false;
    this.memory.set(b.subarray(frame + header, frame + length), VNET_BYTES + this.#length);
    this.#length += payload;
    this.#nextSequence = (this.#nextSequence + payload) >>> 0;
    this.#frames++;
    const flags = b[frame + TCP + 13] as number;
    const at = VNET_BYTES + TCP + 13;
    this.memory[at] = (this.memory[at] as number) | flags;
    // A short segment, a push end the run.
    if (payload < this.#segment || (flags & PSH) !== 0) this.#closed = true;
    return true;
  }

  #sameHeaders(b: Uint8Array, frame: number, length: number): boolean {
    if (get16(b, frame + IP + 2) !== length - IP || ((b[frame + TCP + 13] as number) & ~PSH) !== ACK) return false;
    // All but length, identification; IP checksum; sequence; flags; TCP checksum. Options first: they change most.
    return (
      this.#same(b, frame, TCP + 18, this.#headerBytes) &&
      this.#same(b, frame, TCP + 8, TCP + 13) &&
      this.#same(b, frame, TCP + 14, TCP + 16) &&
      this.#same(b, frame, IP + 12, TCP + 4) &&
      this.#same(b, frame, IP + 6, IP + 10) &&
      this.#same(b, frame, 0, IP + 2)
    );
  }

  #same(b: Uint8Array, frame: number, from: number, to: number): boolean {
    const m = this.memory;
    for (let i = from; i < to; i++) if (m[VNET_BYTES + i] !== b[frame + i]) return false;
    return true;
  }

  /** Starts a run with a frame, when it can begin one. Only when nothing is held. */
  start(b: Uint8Array, frame: number, length: number): boolean {
    if (!canStart(b, frame, length)) return false;
    const header = TCP + ((b[frame + TCP + 12] as number) >>> 4) * 4;
    if (header < TCP + 20 || length <= header || !verifies(b, frame, length)) return false;
    this.memory.fill(0, 0, VNET_BYTES);
    this.memory.set(b.subarray(frame, frame + length), VNET_BYTES);
    this.#length = length;
    this.#headerBytes = header;
    this.#segment = length - header;
    this.#nextSequence = (get32(b, frame + TCP + 4) + this.#segment) >>> 0;
    this.#frames = 1;
    this.#closed = ((b[frame + TCP + 13] as number) & PSH) !== 0;
    return true;
  }

  /** Completes what is held; its length with the 10 bytes before it. Nothing is held afterwards. */
  finish(): number {
    const m = this.memory;
    const length = this.#length;
    if (this.#frames > 1) {
      put16(m, VNET_BYTES + IP + 2, length - IP);
      putIpv4Checksum(m, VNET_BYTES + IP, 20);
      put16(m, VNET_BYTES + TCP + 16, fold(pseudoHeader(m, VNET_BYTES, length - TCP)));
      m[0] = NEEDS_CHECKSUM;
      m[1] = GSO_TCP4;
      putLittle(m, 2, this.#headerBytes);
      putLittle(m, 4, this.#segment);
      putLittle(m, 6, TCP);
      putLittle(m, 8, 16);
    }
    this.#frames = 0;
    return VNET_BYTES + length;
  }
}

function putLittle(b: Uint8Array, at: number, value: number): void {
  b[at] = value;
  b[at + 1] = value >>> 8;
}

/** IPv4 without options, no fragment, not padded; TCP with no flag but ACK, PSH. */
function canStart(b: Uint8Array, frame: number, length: number): boolean {
  return (
    length > TCP + 20 &&
    get16(b, frame + 12) === TYPE_IPV4 &&
    b[frame + IP] === 0x45 &&
    b[frame + IP + 9] === PROTOCOL_TCP &&
    (get16(b, frame + IP + 6) & 0x3fff) === 0 &&
    get16(b, frame + IP + 2) === length - IP &&
    ((b[frame + TCP + 13] as number) & ~PSH) === ACK
  );
}

function verifies(b: Uint8Array, frame: number, length: number): boolean {
  const sum = addWords(b, frame + TCP, frame + length, pseudoHeader(b, frame, length - TCP));
  return fold(sum) === 0xffff && fold(addWords(b, frame + IP, frame + TCP)) === 0xffff;
}
