import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Assembly, type PieceHead, putPieceHead, readPieceHead } from "../src/gso-wire.ts";

describe("Assembly", () => {
  it("joins pieces in any order and counts duplicates once", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 1_400 }),
        fc.infiniteStream(fc.nat()),
        (n, lastBytes, dice) => {
          const stride = 1_400;
          const body = new Uint8Array(stride * (n - 1) + lastBytes).map((_, i) => (i * 13) & 255);
          const order = [...Array(n).keys(), ...Array(Math.min(n, 3)).keys()].sort(
            () => ((dice.next().value as number) % 3) - 1,
          );
          const assembly = new Assembly();
          const missing = new Set(Array(n).keys());
          for (const index of order) {
            const piece = body.subarray(index * stride, Math.min(body.length, (index + 1) * stride));
            const head: PieceHead = { sender: 5, number: 9, stride, index, last: n - 1 };
            const size = assembly.add(head, piece, 0, piece.length);
            const wasLast = missing.delete(index) && missing.size === 0;
            expect(size).toBe(wasLast ? body.length : 0);
          }
          expect(Buffer.from(assembly.memory.subarray(0, body.length)).equals(body)).toBe(true);
        },
      ),
    );
  });

  it("reads the head of a piece back and refuses lengths that contradict it", () => {
    const b = new Uint8Array(14 + 100);
    const head: PieceHead = { sender: 0x0a0000000001, number: 7, stride: 100, index: 0, last: 1 };
    putPieceHead(b, 0, head);
    const read: PieceHead = { sender: 0, number: 0, stride: 0, index: 0, last: 0 };
    expect(readPieceHead(b, 0, b.length, read)).toBe(true);
    expect(read).toEqual(head);
    expect(readPieceHead(b, 0, b.length - 1, read)).toBe(false);
    expect(readPieceHead(b, 0, 14, read)).toBe(false);
  });
});
