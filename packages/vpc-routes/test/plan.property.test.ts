import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { boundsOf, toBlock } from "../src/address.ts";
import {
  diffRanges,
  mergeRanges,
  nativeRanges,
  type OwnedRange,
  planRoutes,
  type Route,
  rangesToCidrs,
} from "../src/index.ts";

const BASE = 0x0a20_0000;
const WITHIN = ["10.32.0.0/20"];
const SIZE = 4096;

/** Sorted, disjoint ranges of a few peers in 10.32.0.0/20, free space between some. */
const ring = fc
  .array(fc.record({ gap: fc.nat(40), size: fc.integer({ min: 1, max: 300 }), peer: fc.integer({ min: 1, max: 6 }) }), {
    maxLength: 24,
  })
  .map((parts) => {
    const ranges: OwnedRange[] = [];
    let at = BASE;
    for (const { gap, size, peer } of parts) {
      const start = at + gap;
      const end = Math.min(start + size, BASE + SIZE);
      if (start < end) ranges.push({ start, end, peer });
      at = Math.max(at, end);
    }
    return ranges;
  });
const mode = fc.constantFrom("owner" as const, "neighbours" as const);

const eniOf = (peer: number) => `eni-${peer}`;
const owners = new Map([1, 2, 3, 4, 5, 6].map((peer) => [eniOf(peer), peer]));
const asTable = (plan: ReturnType<typeof planRoutes>): Route[] =>
  plan.routes.map(({ destination, peer }) => ({
    destination,
    eni: eniOf(peer),
    state: "active",
    origin: "CreateRoute",
  }));
const spread = (ranges: readonly OwnedRange[]) =>
  ranges.flatMap((range) =>
    Array.from({ length: range.end - range.start }, (_, i) => `${range.start + i}>${range.peer}`),
  );

/** Longest match by trying every route: slow, plainly right. */
function lookup(routes: readonly Route[], address: number): string | undefined {
  let best: { eni: string | undefined; length: number } | undefined;
  for (const { destination, eni } of routes) {
    const { length } = toBlock(destination);
    const { start, end } = boundsOf(toBlock(destination));
    const covers = address >= start && address < end;
    if (covers && (best === undefined || length > best.length)) best = { eni, length };
  }
  return best?.eni;
}

describe("planning", () => {
  it("without a budget, leads every owned address to its owner by the longest match", () => {
    fc.assert(
      fc.property(ring, mode, (ranges, aggregate) => {
        const plan = planRoutes({ ranges, within: WITHIN, aggregate });
        const table = asTable(plan);
        expect(plan.overlay).toEqual([]);
        for (const { start, end, peer } of ranges) {
          for (let address = start; address < end; address++) expect(lookup(table, address)).toBe(eniOf(peer));
        }
      }),
      { numRuns: 20 },
    );
  });

  it("never plans more routes than the budget, loses no address: native and overlay are all, once each", () => {
    fc.assert(
      fc.property(ring, mode, fc.nat(12), (ranges, aggregate, budget) => {
        const plan = planRoutes({ ranges, within: WITHIN, aggregate, budget });
        expect(plan.routes.length).toBeLessThanOrEqual(budget);
        expect(new Set(plan.routes.map((route) => route.destination)).size).toBe(plan.routes.length);
        const native = new Set(spread(nativeRanges(asTable(plan), owners, ranges)));
        const overlay = spread(plan.overlay);
        // What the plan leaves to the overlay may be matched by luck; what it promises must be matched.
        expect(new Set([...native, ...overlay])).toEqual(new Set(spread(ranges)));
      }),
      { numRuns: 150 },
    );
  });

  it("needs no more routes with neighbours than without", () => {
    fc.assert(
      fc.property(ring, (ranges) => {
        const count = (aggregate: "owner" | "neighbours") => planRoutes({ ranges, within: WITHIN, aggregate }).counts;
        expect(count("neighbours").wanted).toBeLessThanOrEqual(count("owner").exact);
      }),
    );
  });

  it("is settled by its own result: planning again with it installed changes nothing", () => {
    fc.assert(
      fc.property(ring, mode, fc.nat(12), (ranges, aggregate, budget) => {
        const first = planRoutes({ ranges, within: WITHIN, aggregate, budget });
        const installed = new Map(first.routes.map((route) => [route.destination, route.peer]));
        const second = planRoutes({ ranges, within: WITHIN, aggregate, budget, installed });
        expect(second.routes.map((route) => route.destination)).toEqual(first.routes.map((route) => route.destination));
      }),
    );
  });

  it("does not flap: traffic that varies by 15 % changes nothing", () => {
    const factor = fc.double({ min: 0.85, max: 1.15, noNaN: true });
    const bytes = fc.array(fc.tuple(fc.nat(1000), factor), { minLength: 6, maxLength: 6 });
    fc.assert(
      fc.property(ring, mode, fc.nat(12), bytes, (ranges, aggregate, budget, figures) => {
        const input = { ranges, within: WITHIN, aggregate, budget };
        const traffic = new Map(figures.map(([n], i) => [i + 1, n]));
        const first = planRoutes({ ...input, traffic });
        const installed = new Map(first.routes.map((route) => [route.destination, route.peer]));
        const noisy = new Map(figures.map(([n, f], i) => [i + 1, n * f]));
        const second = planRoutes({ ...input, traffic: noisy, installed });
        expect(second.routes.map((route) => route.destination)).toEqual(first.routes.map((route) => route.destination));
      }),
      { numRuns: 300 },
    );
  });

  it("never leaves the container network", () => {
    fc.assert(
      fc.property(ring, mode, (ranges, aggregate) => {
        const plan = planRoutes({ ranges, within: ["10.32.4.0/22"], aggregate });
        for (const { destination } of plan.routes) {
          const { start, end } = boundsOf(toBlock(destination));
          expect(start).toBeGreaterThanOrEqual(BASE + 1024);
          expect(end).toBeLessThanOrEqual(BASE + 2048);
        }
      }),
    );
  });
});

describe("nativeRanges", () => {
  it("agrees with a lookup of each address in any table", () => {
    const route = fc.record({
      at: fc.nat(SIZE - 1),
      length: fc.integer({ min: 18, max: 32 }),
      peer: fc.integer({ min: 1, max: 6 }),
    });
    fc.assert(
      fc.property(ring, fc.array(route, { maxLength: 12 }), (ranges, routes) => {
        const table = new Map<string, Route>();
        for (const { at, length, peer } of routes) {
          const size = 2 ** (32 - length);
          const start = Math.floor((BASE + at) / size) * size;
          const destination = rangesToCidrs([{ start, end: start + size }])[0] as string;
          table.set(destination, { destination, eni: eniOf(peer), state: "active", origin: "CreateRoute" });
        }
        const list = [...table.values()];
        const wanted = ranges.flatMap((range) =>
          spread([range]).filter((_, i) => lookup(list, range.start + i) === eniOf(range.peer)),
        );
        expect(spread(nativeRanges(list, owners, ranges))).toEqual(wanted);
      }),
      { numRuns: 60 },
    );
  });
});

describe("ranges", () => {
  const some = fc.array(
    fc
      .tuple(fc.nat(2 ** 32), fc.nat(2 ** 16))
      .map(([start, size]) => ({ start, end: Math.min(2 ** 32, start + size) })),
    { maxLength: 8 },
  );
  it("become CIDRs that are exactly them", () => {
    fc.assert(
      fc.property(some, (ranges) => {
        const blocks = rangesToCidrs(ranges).map((text) => boundsOf(toBlock(text)));
        expect(mergeRanges(blocks)).toEqual(mergeRanges(ranges));
      }),
    );
  });
  it("differ by what takes the routes of one to those of the other", () => {
    fc.assert(
      fc.property(some, some, (before, after) => {
        const change = diffRanges(before, after);
        const table = new Set([...rangesToCidrs(before), ...change.create]);
        for (const cidr of change.delete) table.delete(cidr);
        expect(table).toEqual(new Set(rangesToCidrs(after)));
      }),
    );
  });
});
