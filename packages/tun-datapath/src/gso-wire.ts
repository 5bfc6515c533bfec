import { OVERLAY_HEAD_BYTES } from "@weaved/sleeve-crypto/overlay";
import { get16, get32, get48, put16, put32, put48 } from "./bytes.ts";
import type { PeerName } from "./types.ts";
import { VNET_BYTES } from "./vnet.ts";

/**
 * Packets of the `sleeve-gso` overlay. No other program speaks it.
 *
 * ```text
 * datagram     | sender, group bit set (6) | number (4) | stride (2) | index (1) | last index (1) | piece of super-frame |
 * super-frame  | nonce (12) | authenticator (16) |  only when encrypted
 *              | record* |
 * record       | src peer (6) | dst peer (6) | length (4) | virtio_net_hdr (10) | Ethernet frame |
 * ```
 * All pieces but the last have `stride` bytes, so the kernel can cut (UDP_SEGMENT) what `sendmmsg` gathers. Bit 0 of the
 * first byte, the group bit of a MAC address, separates these datagrams from those of sleeve on the same port. Peers whose
 * name has it set do not offer this overlay.
 */
export const PIECE_HEAD_BYTES = 14;
export const RECORD_HEAD_BYTES: number = 16 + VNET_BYTES;
/** Largest frame in a record: what a TAP device hands out at most. */
export const MAX_RECORD_FRAME: number = 65535 + 14 + 4;
/** Largest super-frame: one record of the largest frame, encrypted. */
export const MAX_SUPER_FRAME: number = OVERLAY_HEAD_BYTES + RECORD_HEAD_BYTES + MAX_RECORD_FRAME;
/** Pieces of one super-frame at most; the index has one byte. */
export const MAX_PIECES = 255;
const GROUP_BIT = 0x010000000000;

/** Whether a peer of this name can take part. */
export function nameAllowsGso(name: PeerName): boolean {
  return Math.floor(name / GROUP_BIT) % 2 === 0;
}

/** Whether a datagram is of this overlay. */
export function isGsoDatagram(b: Uint8Array, at: number): boolean {
  return ((b[at] as number) & 1) === 1;
}

export interface PieceHead {
  sender: PeerName;
  number: number;
  stride: number;
  index: number;
  last: number;
}

export function putPieceHead(b: Uint8Array, at: number, head: PieceHead): void {
  put48(b, at, head.sender + GROUP_BIT);
  put32(b, at + 6, head.number);
  put16(b, at + 10, head.stride);
  b[at + 12] = head.index;
  b[at + 13] = head.last;
}

/** Reads into `head`; false when the datagram contradicts itself. */
export function readPieceHead(b: Uint8Array, at: number, length: number, head: PieceHead): boolean {
  if (length <= PIECE_HEAD_BYTES) return false;
  head.sender = get48(b, at) - GROUP_BIT;
  head.number = get32(b, at + 6);
  head.stride = get16(b, at + 10);
  head.index = b[at + 12] as number;
  head.last = b[at + 13] as number;
  const piece = length - PIECE_HEAD_BYTES;
  return head.index === head.last ? piece <= head.stride : head.index < head.last && piece === head.stride;
}

/** Writes a record's head before a frame that already has its `virtio_net_hdr`; `at` is the record's start. */
export function putRecordHead(b: Uint8Array, at: number, src: PeerName, dst: PeerName, length: number): void {
  put48(b, at, src);
  put48(b, at + 6, dst);
  put32(b, at + 12, length);
}

/** Where the record after the one at `at` begins; -1 when the one at `at` runs past `end` or is too large. */
export function nextRecord(b: Uint8Array, at: number, end: number): number {
  if (at + RECORD_HEAD_BYTES > end) return -1;
  const length = get32(b, at + 12);
  if (length > MAX_RECORD_FRAME) return -1;
  const next = at + RECORD_HEAD_BYTES + length;
  return next > end ? -1 : next;
}

/** Puts the pieces of one super-frame together, in any order, each counted once. */
export class Assembly {
  /** Where the super-frame grows. */
  readonly memory: Uint8Array = new Uint8Array(MAX_SUPER_FRAME);
  readonly #have: Uint8Array = new Uint8Array(MAX_PIECES + 1);
  #number = -1;
  #last = 0;
  #stride = 0;
  #missing = 0;
  #length = 0;

  get number(): number {
    return this.#number;
  }
  /** Whether pieces are outstanding. */
  get open(): boolean {
    return this.#missing > 0;
  }

  /** Adds a piece. Gives the super-frame's length once it is whole, 0 before, -1 when the piece contradicts others. */
  add(head: PieceHead, b: Uint8Array, from: number, to: number): number {
    if (head.number !== this.#number) this.#start(head);
    else if (head.last !== this.#last || head.stride !== this.#stride) return -1;
    if (this.#have[head.index] === 1) return 0;
    const at = head.index * head.stride;
    if (at + (to - from) > MAX_SUPER_FRAME) return -1;
    this.memory.set(b.subarray(from, to), at);
    this.#have[head.index] = 1;
    this.#missing--;
    if (head.index === head.last) this.#length = at + (to - from);
    return this.#missing === 0 ? this.#length : 0;
  }

  #start(head: PieceHead): void {
    this.#number = head.number;
    this.#last = head.last;
    this.#stride = head.stride;
    this.#missing = head.last + 1;
    this.#have.fill(0, 0, head.last + 1);
  }
}
