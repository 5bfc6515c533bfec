import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { alignedGrants, legacyGrants, unaskedGrant, without, withRange } from "../src/ring/grant-policy.ts";
import { mergeRings } from "../src/ring/merge.ts";
import {
  allRanges,
  checkEntries,
  findExcess,
  grant,
  type Ring,
  rangesOf,
  reportFree,
  seedRing,
  transfer,
} from "../src/ring/ring.ts";
import {
  biggestBlock,
  cidrBlocks,
  clip,
  countBlocks,
  hostRange,
  joinRanges,
  type Range,
  sizeOf,
} from "../src/space/address.ts";
import { IntervalSet } from "../src/space/interval-set.ts";
import { Space } from "../src/space/space.ts";

const universe: Range = { start: 64, end: 128 };
const range = fc.tuple(fc.nat(63), fc.integer({ min: 1, max: 32 })).map(([from, size]) => ({
  start: 64 + from,
  end: Math.min(64 + from + size, 128),
}));

/** The plain form: one owner per address. */
function owners(ring: Ring): number[] {
  const list: number[] = [];
  for (const { start, end, peer } of allRanges(ring)) for (let i = start; i < end; i++) list[i - universe.start] = peer;
  return list;
}

/** A ring as grants by owners make it. */
const rings = fc
  .tuple(fc.integer({ min: 1, max: 4 }), fc.array(fc.tuple(range, fc.integer({ min: 1, max: 4 })), { maxLength: 12 }))
  .map(([peers, grants]) => {
    let ring = seedRing(
      universe,
      Array.from({ length: peers }, (_, i) => i + 1),
    );
    for (const [part, to] of grants) {
      const owned = owners(ring).slice(part.start - universe.start, part.end - universe.start);
      const [us] = owned;
      if (us !== undefined && owned.every((peer) => peer === us) && to !== us) ring = grant(ring, part, us, to);
    }
    return ring;
  });

describe("a ring", () => {
  it("covers the universe exactly, whatever is granted", () => {
    fc.assert(
      fc.property(rings, (ring) => {
        const list = owners(ring);
        expect(list.length).toBe(64);
        expect(list.includes(undefined as never)).toBe(false);
        expect(checkEntries(ring, ring.entries)).toBeUndefined();
        expect(findExcess(ring, ring.entries)).toBe(-1);
      }),
    );
  });

  it("changes owners in the granted range only", () => {
    fc.assert(
      fc.property(rings, range, fc.integer({ min: 1, max: 5 }), (ring, part, to) => {
        const before = owners(ring);
        const us = before[part.start - universe.start]!;
        if (!before.slice(part.start - universe.start, part.end - universe.start).every((peer) => peer === us)) {
          expect(() => grant(ring, part, us, to)).toThrow("only the owner");
          return;
        }
        const after = owners(grant(ring, part, us, to));
        after.forEach((peer, i) => {
          const inside = i + universe.start >= part.start && i + universe.start < part.end;
          expect(peer).toBe(inside ? to : before[i]);
        });
      }),
    );
  });

  it("takes in what another owner did, in one exchange, in either order", () => {
    fc.assert(
      fc.property(
        rings,
        fc.array(fc.tuple(range, fc.integer({ min: 1, max: 4 })), { maxLength: 6 }),
        (base, changes) => {
          // Two observers hear of disjoint changes by their owners; both end up with both.
          let left = base;
          let right = base;
          changes.forEach(([part, to], i) => {
            const owned = owners(base).slice(part.start - universe.start, part.end - universe.start);
            const [us] = owned;
            // Peers 1, 2 change the left copy, 3, 4 the right one: each token has a single writer.
            if (us === undefined || !owned.every((peer) => peer === us) || to === us || i > 1) return;
            try {
              if (us <= 2) left = grant(left, part, us, to);
              else right = grant(right, part, us, to);
            } catch {
              // Given away by an earlier change.
            }
          });
          const observer = { us: 9, hasAllocations: () => false };
          const one = mergeRings(left, right, observer);
          const other = mergeRings(right, left, observer);
          if (!("ring" in one) || !("ring" in other)) throw new Error("refused");
          expect(one.ring.entries).toEqual(other.ring.entries);
          const again = mergeRings(one.ring, right, observer);
          expect("ring" in again && again.updated).toBe(false);
          // The same object: nothing to save.
          expect("ring" in again && again.ring).toBe(one.ring);
        },
      ),
    );
  });

  it("hands over everything of a peer with newer versions", () => {
    fc.assert(
      fc.property(rings, (ring) => {
        const after = transfer(ring, 1, 7);
        expect(rangesOf(after, 1)).toEqual([]);
        expect(rangesOf(after, 7)).toEqual(rangesOf(ring, 1));
        after.entries.forEach(({ version }, i) => {
          const before = ring.entries[i]!;
          if (before.peer === 1) expect(version).toBeGreaterThan(before.version);
          else expect(version).toBe(before.version);
        });
      }),
    );
  });

  it("raises the version of an entry when its free figure changes, else stays the same ring", () => {
    fc.assert(
      fc.property(rings, fc.nat(3), (ring, used) => {
        const freeIn = ({ start, end }: Range) => Math.max(0, end - start - used);
        const exact = reportFree(ring, 1, freeIn);
        exact.entries.forEach((entry, i) => {
          const [before, next] = [ring.entries[i]!, ring.entries[i + 1]?.token ?? ring.end];
          const free = before.peer === 1 ? freeIn({ start: before.token, end: next }) : before.free;
          expect(entry).toEqual({ ...before, free, version: before.version + (free === before.free ? 0 : 1) });
        });
        expect(reportFree(exact, 1, freeIn)).toBe(exact);
        expect(findExcess(exact, exact.entries)).toBe(-1);
      }),
    );
  });
});

describe("an interval set", () => {
  it("agrees with a set of addresses", () => {
    const ops = fc.array(fc.tuple(fc.boolean(), range), { maxLength: 30 });
    fc.assert(
      fc.property(ops, range, (list, window) => {
        const fast = new IntervalSet();
        const plain = new Set<number>();
        for (const [isAdd, { start, end }] of list) {
          if (isAdd) fast.add(start, end);
          else fast.remove(start, end);
          for (let i = start; i < end; i++) isAdd ? plain.add(i) : plain.delete(i);
        }
        expect(fast.size).toBe(plain.size);
        for (let i = 60; i < 132; i++) expect(fast.has(i)).toBe(plain.has(i));
        const inside = [...plain].filter((address) => address >= window.start && address < window.end);
        expect(fast.countIn(window)).toBe(inside.length);
        const runs = [...fast.runs()];
        for (let i = 1; i < runs.length; i++) expect(runs[i]!.start).toBeGreaterThan(runs[i - 1]!.end);
      }),
    );
  });
});

describe("blocks", () => {
  it("are aligned, add up to the range, are as few as can be", () => {
    fc.assert(
      fc.property(range, (whole) => {
        const blocks = cidrBlocks(whole);
        expect(joinRanges(blocks)).toEqual([whole]);
        for (const { start, end } of blocks) expect(start % (end - start)).toBe(0);
        const biggest = biggestBlock(whole);
        expect(biggest.start % (biggest.end - biggest.start)).toBe(0);
        expect(biggest.start >= whole.start && biggest.end <= whole.end).toBe(true);
        expect(sizeOf(biggest)).toBe(Math.max(...blocks.map(sizeOf)));
        expect(countBlocks([whole])).toBe(blocks.length);
        // No two of them would do as one.
        blocks.slice(1).forEach((upper, i) => {
          const joined = { start: blocks[i]!.start, end: upper.end };
          expect(sizeOf(blocks[i]!) === sizeOf(upper) && joined.start % sizeOf(joined) === 0).toBe(false);
        });
      }),
    );
  });
});

describe.each([
  ["legacy", legacyGrants],
  ["aligned", alignedGrants],
] as const)("grants: %s", (_, donate) => {
  it("gives free addresses of the asked-for range only, never all of several", () => {
    fc.assert(
      fc.property(rings, fc.array(fc.integer({ min: 64, max: 127 })), range, (ring, used, asked) => {
        const space = new Space();
        space.setRanges(rangesOf(ring, 1));
        for (const address of used) space.claim(address);
        const free = [...space.freeRuns(asked)];
        const given = donate({ asked, free, ring, us: 1, to: 2 });
        const all = free.reduce((sum, run) => sum + sizeOf(run), 0);
        if (!given) {
          // At most the first and the last address are left, of which nobody has a use.
          const useful = sizeOf(asked) > 1 ? hostRange(asked) : asked;
          for (const run of free) expect(sizeOf(clip(run, useful))).toBeLessThanOrEqual(0);
          return;
        }
        expect(given.end).toBeGreaterThan(given.start);
        if (all > 1) expect(sizeOf(given)).toBeLessThan(all);
        expect(free.some((run) => given.start >= run.start && given.end <= run.end)).toBe(true);
        grant(ring, given, 1, 2);
      }),
    );
  });
});

describe("gifts that tidy up", () => {
  it("lower the number of blocks, so that they come to an end", () => {
    let gifts = 0;
    fc.assert(
      fc.property(rings, (start) => {
        let ring = start;
        const blocks = () => [1, 2, 3, 4].reduce((sum, peer) => sum + countBlocks(rangesOf(ring, peer)), 0);
        for (let rounds = 0; rounds < 100; rounds++) {
          let given = false;
          for (const us of [1, 2, 3, 4]) {
            const space = new Space();
            space.setRanges(rangesOf(ring, us));
            const gift = unaskedGrant(ring, us, { freeIn: (part) => space.freeIn(part), free: space.free }, 1);
            if (!gift) continue;
            const before = blocks();
            ring = grant(ring, gift.range, us, gift.to);
            expect(blocks()).toBeLessThan(before);
            given = true;
            gifts++;
          }
          if (!given) return;
        }
        throw new Error("gifts without end");
      }),
    );
    expect(gifts).toBeGreaterThan(10);
  });

  it("work on sorted ranges", () => {
    expect(without([{ start: 0, end: 8 }], { start: 2, end: 4 })).toEqual([
      { start: 0, end: 2 },
      { start: 4, end: 8 },
    ]);
    expect(withRange([{ start: 8, end: 9 }], { start: 0, end: 1 })).toEqual([
      { start: 0, end: 1 },
      { start: 8, end: 9 },
    ]);
  });
});
