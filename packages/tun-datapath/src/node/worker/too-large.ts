import type { Counters } from "../../counters.ts";
import { fragmentIpv4 } from "../../fragment.ts";
import { putTooLarge, TOO_LARGE_BYTES } from "../../icmp.ts";
import { type Arena, HEADROOM } from "./memory.ts";

/** A frame, in any memory, that a link of `mtu` bytes cannot take. */
export interface TooLarge {
  readonly b: Buffer;
  readonly frame: number;
  readonly length: number;
  readonly mtu: number;
}

interface Parts {
  readonly arena: Arena;
  readonly counters: Counters;
}

/** Called per frame made; it lies in the arena, with headroom. */
type OnFrame = (frame: number, length: number) => void;

/** Drops the frame; makes the answer that a router would give its sender, if any. */
export function refuseTooLarge({ arena, counters }: Parts, { b, frame, length, mtu }: TooLarge, send: OnFrame): void {
  counters.add("dropTooBig");
  const at = arena.take(HEADROOM + TOO_LARGE_BYTES);
  if (at < 0) return;
  const out = arena.memory.b.subarray(at + HEADROOM, at + HEADROOM + TOO_LARGE_BYTES);
  const bytes = putTooLarge(out, b, { at: frame, length, mtu });
  if (bytes === 0) return;
  arena.memory.b.fill(0, at, at + HEADROOM);
  counters.add("made");
  send(at + HEADROOM, bytes);
}

/** Cuts the frame's IPv4 packet into fragments that fit. */
export function cutTooLarge({ arena, counters }: Parts, { b, frame, length, mtu }: TooLarge, send: OnFrame): void {
  const pieces = fragmentIpv4(b.subarray(frame, frame + length), mtu);
  if (pieces === undefined) return counters.add("dropMalformed");
  counters.add("made", pieces.length - 1);
  for (const piece of pieces) {
    const at = arena.take(HEADROOM + piece.length);
    if (at < 0) counters.add("dropNoMemory");
    else {
      arena.memory.b.fill(0, at, at + HEADROOM);
      arena.memory.b.set(piece, at + HEADROOM);
      send(at + HEADROOM, piece.length);
    }
  }
}
