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
import { CLEAR_HEAD_BYTES, FRAME_HEAD_BYTES, nextFrame, SEALED_HEAD_BYTES } from "../../sleeve-packet.ts";
import type { PeerName } from "../../types.ts";
import { libc } from "../linux/libc.ts";
import type { AssemblyMemory, Link } from "./link.ts";
import type { Memory } from "./memory.ts";
import type { Switching } from "./switching.ts";

const VNET_BYTES = 10;
const GSO_SEAL_BYTES = 28;

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
    if (length < CLEAR_HEAD_BYTES) counters.add("packetShort");
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
    let frames = at + CLEAR_HEAD_BYTES;
    if (link.keys) {
      const result = link.keys.opener.open(b.subarray(at, at + length), length);
      if (result !== "ok") return this.#refuse(result);
      frames = at + SEALED_HEAD_BYTES;
    }
    this.#frames(link, memory, frames, at + length);
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
        if (src === link.peer && dst === name) {
          link.sleeve?.special(b, frame, next, this.#from, this.#p.now());
          link.gso?.moved(this.#from.address, this.#from.port, this.#p.now());
        }
      } else {
        link.framesIn++;
        // The frame's own head has been read: the TAP device's header takes its place.
        b.fill(0, frame - VNET_BYTES, frame);
        switching.received(src, dst, memory, frame - VNET_BYTES, frame, length);
      }
      at = next;
    }
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
      const result = link.keys.gsoOpener.open(memory.b, { at, end });
      if (result !== "ok") return this.#refuse(result);
      records = at + GSO_SEAL_BYTES;
    }
    this.#records(link, memory, records, end);
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
        if (src === link.peer && dst === name) link.gso?.internal(b, frame, length, this.#from, this.#p.now());
      } else {
        link.framesIn++;
        switching.received(src, dst, memory, frame - VNET_BYTES, frame, length);
      }
      at = next;
    }
  }
}

function makeAssembly(): AssemblyMemory {
  const assembly = new Assembly();
  const b = Buffer.from(assembly.memory.buffer, assembly.memory.byteOffset, assembly.memory.byteLength);
  return { assembly, memory: { b, base: Number(libc().address(b)) } };
}
