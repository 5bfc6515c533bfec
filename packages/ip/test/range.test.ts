import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { blocksOfRange, Cidr, Ip, mergeCidrs, type NumberRange, subtractRanges } from "../src/index.ts";

const at = (n: number) => Ip.v4(n);
const numbersOf = (cidrs: readonly Cidr[]) =>
  cidrs.flatMap((cidr) => Array.from({ length: Number(cidr.size) }, (_, i) => Number(cidr.base.bits) + i));
const span = (from: number, to: number) => Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);

/** Sorted, disjoint ranges below 200. */
const ranges = fc
  .uniqueArray(fc.nat(200), { maxLength: 20 })
  .map((points) => points.sort((a, b) => a - b))
  .map((points) => span(0, points.length >> 1).map((i) => ({ start: points[2 * i]!, end: points[2 * i + 1]! })));
const covered = (list: readonly NumberRange[]) => list.flatMap(({ start, end }) => span(start, end));

describe("blocksOfRange", () => {
  it("covers exactly the range, with blocks that cannot be joined", () => {
    fc.assert(
      fc.property(fc.nat(300), fc.nat(300), (first, last) => {
        const blocks = blocksOfRange(at(first), at(last));
        expect(numbersOf(blocks)).toEqual(span(first, last + 1));
        // Two neighbours of one size are never the halves of one block.
        for (const [i, { base, length }] of blocks.entries()) {
          const next = blocks[i + 1];
          if (next?.length === length) expect(Cidr.of(base, length - 1).contains(next)).toBe(false);
        }
      }),
    );
  });

  it("covers a whole family with one block", () => {
    expect(blocksOfRange("0.0.0.0", "255.255.255.255").join()).toBe("0.0.0.0/0");
    expect(blocksOfRange("::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff").join()).toBe("::/0");
  });

  it("refuses ends of two families", () => {
    expect(() => blocksOfRange("::", "10.0.0.1")).toThrow(expect.objectContaining({ code: "FAMILY_MISMATCH" }));
  });
});

describe("mergeCidrs", () => {
  it("keeps the same addresses in the fewest blocks", () => {
    const block = fc.record({ host: fc.nat(255), short: fc.nat(5) });
    fc.assert(
      fc.property(fc.array(block, { maxLength: 12 }), (list) => {
        const cidrs = list.map(({ host, short }) => Cidr.of(at(host), 32 - short));
        const merged = mergeCidrs(cidrs);
        expect(numbersOf(merged)).toEqual([...new Set(numbersOf(cidrs))].sort((a, b) => a - b));
        expect(merged.length).toBeLessThanOrEqual(cidrs.length);
      }),
    );
  });

  it("keeps families apart", () => {
    const merged = mergeCidrs(["::/1", "8000::/1", "128.0.0.0/1", "0.0.0.0/1"].map((text) => Cidr.parse(text)));
    expect(merged.join(" ")).toBe("0.0.0.0/0 ::/0");
  });
});

describe("subtractRanges", () => {
  it("leaves what no hole covers, and keeps the other properties", () => {
    fc.assert(
      fc.property(ranges, ranges, (list, holes) => {
        const owned = list.map((range, peer) => ({ ...range, peer }));
        const left = subtractRanges(owned, holes);
        const gone = new Set(covered(holes));
        expect(covered(left)).toEqual(covered(list).filter((n) => !gone.has(n)));
        for (const { start, peer } of left) expect(owned[peer]!.start <= start && start < owned[peer]!.end).toBe(true);
      }),
    );
  });
});
