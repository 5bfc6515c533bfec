import { OVERLAY_HEAD_BYTES } from "@weaved/sleeve-crypto/overlay";
import { get48 } from "../../bytes.ts";
import type { Counters } from "../../counters.ts";
import { isSpecial } from "../../ethernet.ts";
import {
  Assembly,
  isGsoDatagram,
  nextRecord,
  PIECE_HEAD_BYTES,
  type PieceHead,
  RECORD_HEAD_BYTES,
  readPieceHead,
} from "../../gso-wire.ts";
import { ENCRYPTED_HEAD_BYTES, FRAME_HEAD_BYTES, nextFrame, PLAINTEXT_HEAD_BYTES } from "../../sleeve-packet.ts";
import type { PeerName } from "../../types.ts";
import { VNET_BYTES } from "../../vnet.ts";
import { libc } from "../linux/libc.ts";
import type { AssemblyMemory, Link } from "./link.ts";
import type { Memory } from "./memory.ts";
import type { Switching } from "./switching.ts";

/** What receiving needs of the rest. */
export interface IngressParts {
  readonly name: PeerName;
  readonly counters: Counters;
  readonly links: ReadonlyMap<PeerName, Link>;
  readonly switching: Switching;
  readonly now: () => number;
}

/** Takes packets apart. Every byte of them is hostile until proven otherwise. */
export class Ingress {
  readonly #p: IngressParts;
  readonly #head: PieceHead = { sender: 0, number: 0, stride: 0, index: 0, last: 0 };
  readonly #from = { address: 0, port: 0 };

  constructor(parts: IngressParts) {
    this.#p = parts;
  }

  /** One datagram, from `at`, `length` bytes. */
  datagram(memory: Memory, at: number, length: number, address: number, port: number): void {
    const { counters } = this.#p;
    counters.add("packetsIn");
    this.#from.address = address;
    this.#from.port = port;
    if (length < PLAINTEXT_HEAD_BYTES) counters.add("packetShort");
    else if (isGsoDatagram(memory.b, at)) this.#piece(memory, at, length);
    else this.#sleeve(memory, at, length);
  }

  #sleeve(memory: Memory, at: number, length: number): void {
    const { counters, links } = this.#p;
    const { b } = memory;
    const link = links.get(get48(b, at));
    if (link === undefined || !link.confirmed || link.sleeve === undefined || link.sleeve.lost) {
      return counters.add("packetUnknownSender");
    }
    let frames = at + PLAINTEXT_HEAD_BYTES;
    if (link.keys) {
      const result = link.keys.opener.open(b.subarray(at, at + length), length);
      if (result !== "ok") return this.#refuse(result);
      frames = at + ENCRYPTED_HEAD_BYTES;
      this.#genuine(link);
    } else if (!link.source.isFromAddress(this.#from.address) && !this.#isHeartbeat(link, b, frames, at + length)) {
      return counters.add("packetForeign");
    }
    this.#frames(link, memory, frames, at + length);
  }

  /** Whether the frames are a heartbeat of this connection and nothing else: the one thing that is taken from any address. */
  #isHeartbeat(link: Link, b: Uint8Array, from: number, end: number): boolean {
    const frame = from + FRAME_HEAD_BYTES;
    return from < end && nextFrame(b, from, end) === end && link.sleeve?.isHeartbeat(b, frame, end) === true;
  }

  #genuine(link: Link): void {
    link.source.moved(this.#from.address, this.#from.port);
  }

  #refuse(result: "short" | "forged" | "replayed"): void {
    const { counters } = this.#p;
    counters.add(result === "short" ? "packetShort" : result === "forged" ? "packetForged" : "packetReplayed");
  }

  #frames(link: Link, memory: Memory, from: number, end: number): void {
    const { counters, switching, name } = this.#p;
    const { b } = memory;
    for (let at = from; at < end; ) {
      const next = nextFrame(b, at, end);
      if (next < 0) return counters.add("packetMalformed");
      const src = get48(b, at);
      const dst = get48(b, at + 6);
      const frame = at + FRAME_HEAD_BYTES;
      const length = next - frame;
      if (isSpecial(b, frame, length)) {
        if (src === link.peer && dst === name) this.#special(link, b, frame, next);
      } else {
        link.framesIn++;
        // The frame's own head has been read: the TAP device's header takes its place.
        b.fill(0, frame - VNET_BYTES, frame);
        switching.received(src, dst, memory, frame - VNET_BYTES, frame, length);
      }
      at = next;
    }
  }

  #special(link: Link, b: Uint8Array, frame: number, end: number): void {
    const now = this.#p.now();
    const isHeartbeat = link.sleeve?.isHeartbeat(b, frame, end) === true;
    link.sleeve?.special(b, frame, end, this.#from, now);
    if (!isHeartbeat) return;
    this.#genuine(link);
    link.gso?.moved(this.#from.address, this.#from.port, now);
  }

  #piece(memory: Memory, at: number, length: number): void {
    const { counters, links } = this.#p;
    const head = this.#head;
    if (!readPieceHead(memory.b, at, length, head)) return counters.add("packetMalformed");
    const link = links.get(head.sender);
    if (link === undefined || !link.confirmed || link.gso === undefined || link.gso.lost) {
      return counters.add("packetUnknownSender");
    }
    const from = at + PIECE_HEAD_BYTES;
    const to = at + length;
    if (head.last === 0) return this.#superFrame(link, memory, from, to);
    if (!link.source.isFrom(this.#from.address, this.#from.port) || !link.numbers.accepts(head.number)) {
      return counters.add("packetForeign");
    }
    link.assemblies ??= [makeAssembly(), makeAssembly()];
    const { assembly, memory: whole } = link.assemblies[head.number & 1] as AssemblyMemory;
    if (assembly.open && assembly.number !== head.number) counters.add("superFrameIncomplete");
    const size = assembly.add(head, memory.b, from, to);
    if (size < 0) counters.add("packetMalformed");
    else if (size > 0) this.#superFrame(link, whole, 0, size);
  }

  #superFrame(link: Link, memory: Memory, at: number, end: number): void {
    let records = at;
    if (link.keys) {
      if (link.keys.gsoOpener === undefined) return;
      const result = link.keys.gsoOpener.open(memory.b, { at, end, nowMs: this.#p.now() });
      if (result !== "ok") return this.#refuse(result);
      records = at + OVERLAY_HEAD_BYTES;
      this.#genuine(link);
    } else if (
      !link.source.isFrom(this.#from.address, this.#from.port) &&
      !this.#isOwnRecord(link, memory.b, at, end)
    ) {
      return this.#p.counters.add("packetForeign");
    }
    link.numbers.note(this.#head.number);
    this.#records(link, memory, records, end);
  }

  /** As {@link Ingress.#isHeartbeat}, for super-frames. */
  #isOwnRecord(link: Link, b: Uint8Array, at: number, end: number): boolean {
    const frame = at + RECORD_HEAD_BYTES;
    return nextRecord(b, at, end) === end && link.gso?.isInternal(b, frame, end - frame) === true;
  }

  #records(link: Link, memory: Memory, from: number, end: number): void {
    const { counters, switching, name } = this.#p;
    const { b } = memory;
    for (let at = from; at < end; ) {
      const next = nextRecord(b, at, end);
      if (next < 0) return counters.add("packetMalformed");
      const src = get48(b, at);
      const dst = get48(b, at + 6);
      const frame = at + RECORD_HEAD_BYTES;
      const length = next - frame;
      if (isSpecial(b, frame, length)) {
        if (src === link.peer && dst === name) this.#internal(link, b, frame, length);
      } else {
        link.framesIn++;
        switching.received(src, dst, memory, frame - VNET_BYTES, frame, length);
      }
      at = next;
    }
  }

  #internal(link: Link, b: Uint8Array, frame: number, length: number): void {
    if (!link.gso?.isInternal(b, frame, length)) return;
    this.#genuine(link);
    link.gso.internal(b, frame, length, this.#from, this.#p.now());
  }
}

function makeAssembly(): AssemblyMemory {
  const assembly = new Assembly();
  const b = Buffer.from(assembly.memory.buffer, assembly.memory.byteOffset, assembly.memory.byteLength);
  return { assembly, memory: { b, base: Number(libc().address(b)) } };
}
