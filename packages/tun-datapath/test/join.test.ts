import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { put16, put32 } from "../src/bytes.ts";
import { addWords, fold, putIpv4Checksum } from "../src/checksum.ts";
import { TcpJoiner } from "../src/join.ts";
import { pseudoHeader, putSegment, readSuperFrame } from "../src/vnet.ts";

/** A good TCP segment. */
function segment(sequence: number, payload: Uint8Array, flags = 0x10): Uint8Array {
  const b = new Uint8Array(54 + payload.length);
  b.set([
    2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x08, 0, 0x45, 0, 0, 0, 0, 1, 0x40, 0, 64, 6, 0, 0, 10, 32, 0, 1, 10, 32, 0, 2,
  ]);
  put16(b, 16, b.length - 14);
  putIpv4Checksum(b, 14, 20);
  put32(b, 38, sequence);
  b.set([0x50, flags, 1, 0], 46);
  b.set(payload, 54);
  put16(b, 50, ~fold(addWords(b, 34, b.length, pseudoHeader(b, 0, b.length - 34))) & 0xffff);
  return b;
}

describe("TcpJoiner", () => {
  it("undoes cutting: the super-frame, cut again, gives the same segments", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 20 }),
        fc.integer({ min: 1, max: 1_000 }),
        fc.nat(0xffffffff),
        (n, last, first) => {
          const frames = Array.from({ length: n }, (_, i) => {
            const payload = new Uint8Array(i === n - 1 ? last : 1_000).map((_v, k) => (i + k * 3) & 255);
            return segment((first + i * 1_000) >>> 0, payload, i === n - 1 ? 0x18 : 0x10);
          });
          const memory = new Uint8Array(70_000);
          const joiner = new TcpJoiner(memory);
          expect(joiner.start(frames[0] as Uint8Array, 0, (frames[0] as Uint8Array).length)).toBe(true);
          for (const frame of frames.slice(1)) expect(joiner.append(frame, 0, frame.length)).toBe(true);
          const length = joiner.finish() - 10;
          const facts = readSuperFrame(memory, 0, 10, length);
          if (facts === undefined) throw new Error("not a super-frame");
          expect(facts.segments).toBe(n);
          for (const [i, frame] of frames.entries()) {
            const bytes = putSegment({ b: memory, vnet: 0, frame: 10, length }, facts, i, 67_000);
            const got = memory.slice(67_000, 67_000 + bytes);
            // Identification counts up when the kernel cuts; everything else is as it was.
            put16(got, 18, 1);
            putIpv4Checksum(got, 14, 20);
            expect(Buffer.compare(got, frame)).toBe(0);
          }
        },
      ),
    );
  });

  it("leaves segments alone that are damaged, out of order, flagged, or after a push", () => {
    const payload = new Uint8Array(100).fill(7);
    const joiner = new TcpJoiner(new Uint8Array(70_000));
    const damaged = segment(0, payload);
    damaged[60] = 8;
    expect(joiner.start(damaged, 0, damaged.length)).toBe(false);
    const fin = segment(0, payload, 0x11);
    expect(joiner.start(fin, 0, fin.length)).toBe(false);
    const good = segment(0, payload);
    expect(joiner.start(good, 0, good.length)).toBe(true);
    const gap = segment(200, payload);
    expect(joiner.append(gap, 0, gap.length)).toBe(false);
    const bad = segment(100, payload);
    bad[bad.length - 1] = 0;
    expect(joiner.append(bad, 0, bad.length)).toBe(false);
    const push = segment(100, payload, 0x18);
    expect(joiner.append(push, 0, push.length)).toBe(true);
    const after = segment(200, payload);
    expect(joiner.append(after, 0, after.length)).toBe(false);
    expect(joiner.frames).toBe(2);
  });
});
