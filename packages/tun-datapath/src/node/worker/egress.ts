import { OVERLAY_HEAD_BYTES } from "@weaved/sleeve-crypto/overlay";
import { put48 } from "../../bytes.ts";
import type { Counters } from "../../counters.ts";
import { ETHERNET_BYTES, hasDf, isIpv4 } from "../../ethernet.ts";
import { PIECE_HEAD_BYTES, putPieceHead, putRecordHead, RECORD_HEAD_BYTES } from "../../gso-wire.ts";
import { ENCRYPTED_HEAD_BYTES, FRAME_HEAD_BYTES, PLAINTEXT_HEAD_BYTES, putFrameHead } from "../../sleeve-packet.ts";
import type { PeerName } from "../../types.ts";
import { finishChecksum, GSO_NONE, putSegment, readSuperFrame, VNET_BYTES, vnetType } from "../../vnet.ts";
import type { Link, Pending } from "./link.ts";
import { type Arena, HEADROOM } from "./memory.ts";
import { cutTooLarge, refuseTooLarge } from "./too-large.ts";
import type { Transmitter } from "./transmitter.ts";

/** Frames up to this long are copied together into one packet; longer ones travel alone, where they lie. */
const SMALL_FRAME = 512;
const PENDING_BYTES = 4096;
/** Frames in one packet at most. Source: docs/protocol/overlay.md#12.4. */
const MAX_AGGREGATE = 100;

/** What sending needs of the rest. */
export interface EgressParts {
  readonly name: PeerName;
  readonly arena: Arena;
  readonly df: Transmitter;
  readonly nonDf: Transmitter;
  readonly counters: Counters;
  readonly now: () => number;
  /** Delivers an answer as if the neighbour had sent it: see docs/protocol/overlay.md#12.9. */
  readonly feedBack: (src: PeerName, dst: PeerName, vnet: number, frame: number, length: number) => void;
}

/**
 * Puts frames that lie in the arena into packets. A frame has {@link HEADROOM} bytes before it that may be written, so
 * heads are written where they belong. Sending destroys it (encryption works in place), so flooding sends copies.
 */
export class Egress {
  readonly #p: EgressParts;
  /** Links with packets being filled. Bounded by: links. */
  readonly #waiting: Set<Link> = new Set();

  constructor(parts: EgressParts) {
    this.#p = parts;
  }

  /** Sends by the best overlay in userspace. */
  send(link: Link, src: PeerName, dst: PeerName, vnet: number, frame: number, length: number, flooded: boolean): void {
    const { counters } = this.#p;
    link.framesOut++;
    if (link.gso?.established) this.#gso(link, src, dst, vnet, frame, length);
    else if (link.sleeve?.sendable) this.#sleeve(link, src, dst, vnet, frame, length, flooded);
    else counters.add("dropLinkPending");
  }

  // --- sleeve-gso ---

  #gso(link: Link, src: PeerName, dst: PeerName, vnet: number, frame: number, length: number): void {
    const record = vnet - (RECORD_HEAD_BYTES - VNET_BYTES);
    const b = this.#p.arena.memory.b;
    putRecordHead(b, record, src, dst, length);
    if (length <= SMALL_FRAME) this.#gsoSmall(link, record, frame + length);
    else {
      this.#flushGso(link);
      this.superFrame(link, record, frame + length, 1);
    }
  }

  #gsoSmall(link: Link, record: number, end: number): void {
    const pending = link.pendingGso;
    const size = end - record;
    const headBytes = link.keys ? OVERLAY_HEAD_BYTES : 0;
    if (pending.at >= 0 && (pending.end + size > pending.limit || pending.frames >= MAX_AGGREGATE))
      this.#flushGso(link);
    const stride = (link.gso as NonNullable<Link["gso"]>).stride;
    if (pending.at < 0 && !this.#openPending(link, pending, headBytes, Math.max(stride, headBytes + size))) return;
    this.#p.arena.memory.b.copyWithin(pending.end, record, end);
    pending.end += size;
    pending.frames++;
  }

  #openPending(link: Link, pending: Pending, headBytes: number, limit: number): boolean {
    const bytes = Math.min(limit, PENDING_BYTES);
    const at = this.#p.arena.take(bytes);
    if (at < 0) {
      this.#p.counters.add("dropNoMemory");
      return false;
    }
    pending.at = at;
    pending.end = at + headBytes;
    pending.limit = at + bytes;
    pending.frames = 0;
    this.#waiting.add(link);
    return true;
  }

  #flushGso(link: Link): void {
    const pending = link.pendingGso;
    if (pending.at < 0) return;
    const records = pending.at + (link.keys ? OVERLAY_HEAD_BYTES : 0);
    pending.at = -1;
    this.superFrame(link, records, pending.end, pending.frames);
  }

  /** Encrypts the records from `at` to `end`, cuts them into pieces of `stride` bytes, and queues the pieces. */
  superFrame(link: Link, at: number, end: number, frames: number, stride: number = link.gso?.stride ?? 0): void {
    const { arena, df, name, now, counters } = this.#p;
    const gso = link.gso;
    if (gso === undefined || !gso.sendable) return;
    const { b, base } = arena.memory;
    let from = at;
    if (link.keys?.gsoSealer !== undefined) {
      from = at - OVERLAY_HEAD_BYTES;
      link.keys.gsoSealer.seal(b, { at: from, end, nowMs: now() });
    }
    const count = Math.ceil((end - from) / stride);
    const heads = arena.take(count * PIECE_HEAD_BYTES);
    if (heads < 0) {
      counters.add("dropNoMemory", frames);
      return;
    }
    link.superFrames = (link.superFrames + 1) >>> 0;
    const head = { sender: name, number: link.superFrames, stride, index: 0, last: count - 1 };
    for (let i = 0; i < count; i++) {
      head.index = i;
      const headAt = heads + i * PIECE_HEAD_BYTES;
      putPieceHead(b, headAt, head);
      const piece = from + i * stride;
      const length = Math.min(stride, end - piece);
      df.packet(
        link.gsoSender,
        gso.address,
        gso.remotePort,
        i === 0 ? frames : 0,
        base + headAt,
        PIECE_HEAD_BYTES,
        base + piece,
        length,
      );
    }
  }

  // --- sleeve ---

  #sleeve(
    link: Link,
    src: PeerName,
    dst: PeerName,
    vnet: number,
    frame: number,
    length: number,
    flooded: boolean,
  ): void {
    const { arena, counters } = this.#p;
    const { b } = arena.memory;
    if (vnetType(b, vnet) === GSO_NONE) {
      if (!finishChecksum(b, vnet, frame, length)) counters.add("dropMalformed");
      else this.sleeveFrame(link, src, dst, frame, length, flooded);
      return;
    }
    const facts = readSuperFrame(b, vnet, frame, length);
    const mtu = (link.sleeve as NonNullable<Link["sleeve"]>).mtu;
    if (facts === undefined) counters.add("dropMalformed");
    else if (facts.packetBytes > mtu) this.#tooLarge(src, dst, frame, length, flooded, mtu);
    else {
      counters.add("made", facts.segments - 1);
      const parent = { b, vnet, frame, length };
      for (let i = 0; i < facts.segments; i++) {
        const at = arena.take(HEADROOM + facts.headerBytes + facts.segmentBytes);
        if (at < 0) {
          counters.add("dropNoMemory", facts.segments - i);
          return;
        }
        const bytes = putSegment(parent, facts, i, at + HEADROOM);
        this.#queue(link, "df", src, dst, at + HEADROOM, bytes);
      }
    }
  }

  /** Chooses how one whole frame travels. Source: docs/protocol/overlay.md#12.8. */
  sleeveFrame(link: Link, src: PeerName, dst: PeerName, frame: number, length: number, flooded: boolean): void {
    const sleeve = link.sleeve as NonNullable<Link["sleeve"]>;
    const { b } = this.#p.arena.memory;
    const fits = length <= sleeve.mtu + ETHERNET_BYTES;
    const ip = isIpv4(b, frame, length);
    if (ip && hasDf(b, frame)) {
      if (fits) this.#queue(link, "df", src, dst, frame, length);
      else this.#tooLarge(src, dst, frame, length, flooded, sleeve.mtu);
    } else if (sleeve.canFragment || !ip) this.#queue(link, "non-df", src, dst, frame, length);
    else if (fits) this.#queue(link, "df", src, dst, frame, length);
    else {
      const whole = { b, frame, length, mtu: sleeve.mtu };
      cutTooLarge(this.#p, whole, (at, bytes) => this.#queue(link, "df", src, dst, at, bytes));
    }
  }

  /** Answers on behalf of the other side, unless it was one copy of many. */
  #tooLarge(src: PeerName, dst: PeerName, frame: number, length: number, flooded: boolean, mtu: number): void {
    const { arena, counters, feedBack } = this.#p;
    if (flooded) return counters.add("dropTooBig");
    refuseTooLarge(this.#p, { b: arena.memory.b, frame, length, mtu }, (at, bytes) =>
      feedBack(dst, src, at - VNET_BYTES, at, bytes),
    );
  }

  #queue(link: Link, mode: "df" | "non-df", src: PeerName, dst: PeerName, frame: number, length: number): void {
    const pending = mode === "df" ? link.pendingDf : link.pendingNonDf;
    const start = frame - FRAME_HEAD_BYTES;
    const { b } = this.#p.arena.memory;
    putFrameHead(b, start, src, dst, length);
    if (length > SMALL_FRAME) {
      this.#flushSleeve(link, mode);
      this.#packet(link, mode, start, frame + length, 1);
      return;
    }
    const size = FRAME_HEAD_BYTES + length;
    const headBytes = link.keys ? ENCRYPTED_HEAD_BYTES : PLAINTEXT_HEAD_BYTES;
    if (pending.at >= 0 && (pending.end + size > pending.limit || pending.frames >= MAX_AGGREGATE))
      this.#flushSleeve(link, mode);
    const limit = Math.min((link.sleeve as NonNullable<Link["sleeve"]>).maxPayload, PENDING_BYTES);
    if (pending.at < 0 && !this.#openPending(link, pending, headBytes, limit)) return;
    b.copyWithin(pending.end, start, frame + length);
    pending.end += size;
    pending.frames++;
  }

  #flushSleeve(link: Link, mode: "df" | "non-df"): void {
    const pending = mode === "df" ? link.pendingDf : link.pendingNonDf;
    if (pending.at < 0) return;
    const frames = pending.at + (link.keys ? ENCRYPTED_HEAD_BYTES : PLAINTEXT_HEAD_BYTES);
    pending.at = -1;
    this.#packet(link, mode, frames, pending.end, pending.frames);
  }

  /** Writes the head of a packet before the frames from `at` to `end`, encrypts the packet, and queues it. */
  #packet(link: Link, mode: "df" | "non-df", at: number, end: number, frames: number): void {
    const { arena, df, nonDf, name } = this.#p;
    const sleeve = link.sleeve as NonNullable<Link["sleeve"]>;
    const { b, base } = arena.memory;
    let from = at - PLAINTEXT_HEAD_BYTES;
    if (link.keys) {
      from = at - ENCRYPTED_HEAD_BYTES;
      link.keys.sealer.seal(b.subarray(from, end), end - from, mode);
    } else put48(b, from, name);
    const out = mode === "df" ? df : nonDf;
    out.packet(link.sleeveSender, sleeve.address, sleeve.remotePort, frames, base + from, end - from, 0, 0);
  }

  /** An internal frame of sleeve: alone in a packet, counted as no frame. */
  sleeveInternal(link: Link, mode: "df" | "non-df", length: number, fill: (b: Buffer, at: number) => void): void {
    const { arena } = this.#p;
    const at = arena.take(HEADROOM + length);
    if (at < 0 || !link.sleeve?.sendable) return;
    const { b } = arena.memory;
    const frame = at + HEADROOM;
    b.fill(0, frame, frame + length);
    fill(b, frame);
    putFrameHead(b, frame - FRAME_HEAD_BYTES, this.#p.name, link.peer, length);
    this.#packet(link, mode, frame - FRAME_HEAD_BYTES, frame + length, 0);
  }

  /** An internal frame of sleeve-gso: `length` bytes that start with `head`, in pieces for a path of `pathBytes`. */
  gsoInternal(link: Link, head: Uint8Array, length: number, stride: number): void {
    const { arena } = this.#p;
    const at = arena.take(HEADROOM + length);
    if (at < 0) return;
    const { b } = arena.memory;
    const frame = at + HEADROOM;
    b.fill(0, frame - VNET_BYTES, frame + length);
    b.set(head, frame);
    const record = frame - RECORD_HEAD_BYTES;
    putRecordHead(b, record, this.#p.name, link.peer, length);
    this.superFrame(link, record, frame + length, 0, stride);
  }

  /** Sends what is being filled, then everything queued. */
  flush(): void {
    for (const link of this.#waiting) {
      this.#flushGso(link);
      this.#flushSleeve(link, "df");
      this.#flushSleeve(link, "non-df");
    }
    this.#waiting.clear();
    this.#p.df.flush();
    this.#p.nonDf.flush();
  }

  /** Drops what is being filled for a link that is going. */
  forget(link: Link): void {
    for (const pending of [link.pendingDf, link.pendingNonDf, link.pendingGso]) {
      if (pending.at >= 0) this.#p.counters.add("dropNoLink", pending.frames);
      pending.at = -1;
    }
    this.#waiting.delete(link);
  }
}
