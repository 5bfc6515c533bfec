import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { get16 } from "../src/bytes.ts";
import { checksum } from "../src/checksum.ts";
import { fragmentIpv4 } from "../src/fragment.ts";

describe("fragmentIpv4", () => {
  it("makes fragments that fit, have valid headers, and join to the packet they came from", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5_000 }), fc.integer({ min: 68, max: 1_500 }), (payload, mtu) => {
        const frame = new Uint8Array(34 + payload).map((_, i) => (i * 3) & 255);
        frame.set([0x08, 0, 0x45, 0, (20 + payload) >> 8, (20 + payload) & 255, 0, 1, 0, 0, 64, 17], 12);
        const pieces = fragmentIpv4(frame, mtu) ?? [];
        let end = 0;
        for (const piece of pieces) {
          expect(piece.length - 14).toBeLessThanOrEqual(mtu);
          expect(checksum(piece, 14, 34)).toBe(0);
          expect((get16(piece, 20) & 0x1fff) * 8).toBe(end);
          expect(Buffer.compare(piece.subarray(34), frame.subarray(34 + end, 34 + end + piece.length - 34))).toBe(0);
          end += piece.length - 34;
        }
        expect(end).toBe(payload);
      }),
    );
  });
});
