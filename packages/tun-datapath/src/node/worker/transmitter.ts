import { EINTR, EINVAL, EIO, EMSGSIZE, libc } from "../linux/libc.ts";
import { Messages } from "../linux/messages.ts";
import { putSockaddr } from "../linux/sockaddr.ts";
import { PMTU_DO, PMTU_DONT, setPathMtuMode } from "../linux/socket.ts";

const MESSAGES = 64;
/** Datagrams that the kernel cuts from one message at most (UDP_MAX_SEGMENTS of Linux before 6.9). */
const MAX_SEGMENTS = 64;
const PIECES = 2 * MAX_SEGMENTS;
/** A GSO message is one IP packet inside the kernel: header and all below 64 KiB. */
const MAX_MESSAGE_BYTES = 65_000;

/** The sender of a packet, which learns when the kernel refuses one. */
export interface Sender {
  /** The kernel says that a packet with DF is too large for the path. */
  refused(): void;
}

/** What became of the frames in a message. */
export interface TransmitCounts {
  sent(packets: number, frames: number): void;
  dropped(frames: number): void;
}

interface Slot {
  sender: Sender;
  address: number;
  port: number;
  size: number;
  bytes: number;
  packets: number;
  pieces: number;
  frames: number;
  full: boolean;
}

/** The socket's mode is shared by the transmitters of both modes. */
export interface UdpMode {
  readonly fd: number;
  current: "df" | "non-df" | undefined;
  /** Whether the kernel cuts messages; found out by trying. */
  segments: boolean;
}

/**
 * Gathers packets, sends them by the batch. A run of packets of one size to one peer becomes one message that the kernel
 * cuts (UDP_SEGMENT): on the wire it is the same, at a fraction of the cost.
 */
export class Transmitter {
  readonly #mode: "df" | "non-df";
  readonly #socket: UdpMode;
  readonly #counts: TransmitCounts;
  readonly #messages: Messages = new Messages({ count: MESSAGES, iovecs: PIECES });
  /** Bounded by: MESSAGES, fixed. */
  readonly #slots: Slot[];
  /** Lengths of every piece, for sending one by one. */
  readonly #single: Messages = new Messages({ count: 1, iovecs: 2 });
  readonly #pieceAddress: Float64Array = new Float64Array(MESSAGES * PIECES);
  readonly #pieceLength: Uint32Array = new Uint32Array(MESSAGES * PIECES);
  readonly #packetPieces: Uint8Array = new Uint8Array(MESSAGES * MAX_SEGMENTS);
  #count = 0;

  constructor(mode: "df" | "non-df", socket: UdpMode, counts: TransmitCounts) {
    this.#mode = mode;
    this.#socket = socket;
    this.#counts = counts;
    const nobody: Sender = { refused() {} };
    this.#slots = Array.from({ length: MESSAGES }, () => ({
      sender: nobody,
      address: 0,
      port: 0,
      size: 0,
      bytes: 0,
      packets: 0,
      pieces: 0,
      frames: 0,
      full: false,
    }));
  }

  /** Queues a packet of one piece, or of two when `length2` is not 0. Memory must stay as it is until `flush`. */
  packet(
    sender: Sender,
    address: number,
    port: number,
    frames: number,
    piece1: number,
    length1: number,
    piece2: number,
    length2: number,
  ): void {
    const size = length1 + length2;
    let i = this.#count - 1;
    let slot = i >= 0 ? this.#slots[i] : undefined;
    if (
      slot === undefined ||
      slot.full ||
      slot.address !== address ||
      slot.port !== port ||
      size > slot.size ||
      !this.#socket.segments ||
      slot.packets === MAX_SEGMENTS ||
      slot.bytes + size > MAX_MESSAGE_BYTES
    ) {
      slot = this.#open(sender, address, port, size);
      i = this.#count - 1;
    }
    this.#packetPieces[i * MAX_SEGMENTS + slot.packets] = length2 > 0 ? 2 : 1;
    this.#piece(i, slot, piece1, length1);
    if (length2 > 0) this.#piece(i, slot, piece2, length2);
    slot.packets++;
    slot.bytes += size;
    slot.frames += frames;
    // Only the last of a run may be shorter.
    if (size < slot.size) slot.full = true;
  }

  #open(sender: Sender, address: number, port: number, size: number): Slot {
    if (this.#count === MESSAGES) this.flush();
    const slot = this.#slots[this.#count] as Slot;
    slot.sender = sender;
    slot.address = address;
    slot.port = port;
    slot.size = size;
    slot.bytes = slot.packets = slot.pieces = slot.frames = 0;
    slot.full = false;
    putSockaddr(this.#messages.names, this.#count * 16, address, port);
    this.#count++;
    return slot;
  }

  #piece(i: number, slot: Slot, address: number, length: number): void {
    this.#messages.setPiece(i, slot.pieces, address, length);
    this.#pieceAddress[i * PIECES + slot.pieces] = address;
    this.#pieceLength[i * PIECES + slot.pieces] = length;
    slot.pieces++;
  }

  /** Sends everything queued. */
  flush(): void {
    const n = this.#count;
    if (n === 0) return;
    this.#setMode();
    for (let i = 0; i < n; i++) {
      const slot = this.#slots[i] as Slot;
      this.#messages.setPieces(i, slot.pieces);
      this.#messages.setSegment(i, slot.packets > 1 ? slot.size : 0);
    }
    const c = libc();
    for (let from = 0; from < n; ) {
      const sent = c.sendmmsg(this.#socket.fd, this.#messages.headersFrom(from), n - from, 0);
      if (sent > 0) {
        for (let i = from; i < from + sent; i++) this.#account(i);
        from += sent;
      } else if (this.#failed(from, c.errno())) from++;
    }
    this.#count = 0;
  }

  #setMode(): void {
    if (this.#socket.current === this.#mode) return;
    setPathMtuMode(this.#socket.fd, this.#mode === "df" ? PMTU_DO : PMTU_DONT);
    this.#socket.current = this.#mode;
  }

  #account(i: number): void {
    const slot = this.#slots[i] as Slot;
    this.#counts.sent(slot.packets, slot.frames);
  }

  /** Deals with the failure of message `i`; false: try it again. */
  #failed(i: number, errno: number): boolean {
    const slot = this.#slots[i] as Slot;
    if (errno === EINTR) return false;
    if (slot.packets > 1 && (errno === EIO || errno === EINVAL)) {
      this.#socket.segments = false;
      this.#sendSingly(i, slot);
      return true;
    }
    if (errno === EMSGSIZE) slot.sender.refused();
    // Otherwise the queue of the device is full, or the network is down: the packet is dropped, as a router would.
    this.#counts.dropped(slot.frames);
    return true;
  }

  /** The kernel does not cut: cut here, one datagram each. */
  #sendSingly(i: number, slot: Slot): void {
    const c = libc();
    putSockaddr(this.#single.names, 0, slot.address, slot.port);
    this.#single.setSegment(0, 0);
    let piece = i * PIECES;
    let sent = 0;
    for (let k = 0; k < slot.packets; k++) {
      const pieces = this.#packetPieces[i * MAX_SEGMENTS + k] as number;
      for (let p = 0; p < pieces; p++, piece++) {
        this.#single.setPiece(0, p, this.#pieceAddress[piece] as number, this.#pieceLength[piece] as number);
      }
      this.#single.setPieces(0, pieces);
      if (c.sendmmsg(this.#socket.fd, this.#single.headers, 1, 0) === 1) sent++;
      else if (c.errno() === EMSGSIZE) slot.sender.refused();
    }
    if (sent === slot.packets) this.#counts.sent(sent, slot.frames);
    else this.#counts.dropped(slot.frames);
  }
}
