import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { get32 } from "../src/bytes.ts";
import { addWords, checksum, fold } from "../src/checksum.ts";
import { putSegment, readSuperFrame } from "../src/vnet.ts";

/** A TCP super-frame as a TAP device hands it out: header of 10, Ethernet, IPv4, TCP, payload. */
function superFrame(payload: number, segment: number): Uint8Array {
  const b = new Uint8Array(10 + 54 + payload);
  b.set([1, 1, 54, 0, segment & 255, segment >> 8, 34, 0, 16, 0]);
  b.set([0x08, 0, 0x45, 0], 22);
  b.set([64, 6, 0, 0, 10, 32, 0, 1, 10, 32, 0, 2], 32);
  b.set([0, 80, 0, 81, 0xff, 0xff, 0xff, 0x00, 0, 0, 0, 0, 0x50, 0x99, 1, 0], 44);
  for (let i = 64; i < b.length; i++) b[i] = (i * 7) & 255;
  return b;
}

describe("putSegment", () => {
  it("makes segments with valid checksums whose payloads join to that of the super-frame", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9_000 }), fc.integer({ min: 100, max: 1_400 }), (payload, segment) => {
        const whole = superFrame(payload, segment);
        const b = new Uint8Array(whole.length + 4_096);
        b.set(whole);
        const facts = readSuperFrame(b, 0, 10, whole.length - 10);
        if (facts === undefined) throw new Error("not read");
        let joined = 0;
        for (let i = 0; i < facts.segments; i++) {
          const at = whole.length;
          const length = putSegment({ b, vnet: 0, frame: 10, length: whole.length - 10 }, facts, i, at);
          expect(checksum(b, at + 14, at + 34)).toBe(0);
          const pseudo = addWords(b, at + 26, at + 34, 6 + length - 34);
          expect(fold(addWords(b, at + 34, at + length, pseudo))).toBe(0xffff);
          expect(get32(b, at + 38)).toBe((0xffffff00 + joined) % 2 ** 32);
          const last = i === facts.segments - 1;
          // FIN, PSH on the last alone; CWR on the first alone.
          expect((b[at + 47] as number) & 0x09).toBe(last ? 0x09 : 0);
          expect((b[at + 47] as number) & 0x80).toBe(i === 0 ? 0x80 : 0);
          const want = whole.subarray(64 + joined, 64 + joined + length - 54);
          expect(Buffer.compare(b.subarray(at + 54, at + length), want)).toBe(0);
          joined += length - 54;
        }
        expect(joined).toBe(payload);
      }),
    );
  });
});
