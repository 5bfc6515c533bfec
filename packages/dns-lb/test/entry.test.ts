import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isPlausible, MAX_VERSION, makeEntry, mergeEntries, type NameEntry } from "../src/entry.ts";
import { entries } from "./support/entries.ts";

describe("mergeEntries", () => {
  it("is commutative, associative, idempotent", () => {
    fc.assert(
      fc.property(entries, entries, entries, (a, b, c) => {
        expect(mergeEntries(a, b)).toEqual(mergeEntries(b, a));
        expect(mergeEntries(a, mergeEntries(b, c))).toEqual(mergeEntries(mergeEntries(a, b), c));
        expect(mergeEntries(a, a)).toEqual(a);
      }),
    );
  });
});

describe("isPlausible", () => {
  const honest = makeEntry({ containerId: "c", origin: 1, hostname: "web.weave.local.", address: 1 });
  const now = 1_700_000_000;

  it("accepts what an honest peer makes, up to the last version", () => {
    expect(isPlausible(honest, now)).toBe(true);
    expect(isPlausible({ ...honest, version: MAX_VERSION, tombstone: now }, now)).toBe(true);
  });

  it.each<[string, Partial<NameEntry>]>([
    ["a version that cannot be outbid", { version: MAX_VERSION + 1 }],
    ["a version that is no safe integer", { version: 2 ** 53 }],
    ["a negative version", { version: -1 }],
    ["a tombstone of the future, which would never be swept", { tombstone: now + 1 }],
    ["a peer name of more than 48 bits", { origin: 2 ** 48 }],
    ["an address of more than 32 bits", { address: 2 ** 32 }],
    ["a name that no query can ask for", { hostname: `${"a".repeat(300)}.weave.local.` }],
    ["a container id of a kilobyte", { containerId: "c".repeat(1024) }],
  ])("refuses %s", (_, change) => {
    expect(isPlausible({ ...honest, ...change }, now)).toBe(false);
  });
});
