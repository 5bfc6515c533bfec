import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addWords, fold } from "../src/checksum.ts";
import { allocateSummable, fastSum } from "../src/fast-sum.ts";

describe("checksum", () => {
  const fast = allocateSummable(1_024) as Uint8Array;

  it.each([
    ["ordinary memory", new Uint8Array(1_024)],
    ["memory that WebAssembly sums", fast],
  ])("is the plain sum of 16-bit words, at any place and length, in %s", (_name, memory) => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 900 }), fc.nat(20), fc.nat(0xffff), (bytes, from, start) => {
        // What lies around must not take part.
        memory.fill(0xa5);
        memory.set(bytes, from);
        let plain = start;
        for (let i = 0; i < bytes.length; i += 2) plain += ((bytes[i] as number) << 8) + (bytes[i + 1] ?? 0);
        expect(fold(addWords(memory, from, from + bytes.length, start))).toBe(fold(plain));
      }),
    );
  });

  it("uses fast memory until that is used up", () => {
    expect(fast.buffer).toBe(fastSum?.buffer);
    expect(allocateSummable(16 << 20)).toBeUndefined();
    expect(allocateSummable(64)?.byteOffset).toBeGreaterThanOrEqual(1_024);
  });
});
