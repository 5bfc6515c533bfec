import fc from "fast-check";
import { makeEntry, type NameEntry, normalise } from "../../src/entry.ts";

/** Entries of few values, so that identities, versions, and tombstones meet. */
export const entry: fc.Arbitrary<NameEntry> = fc
  .record({
    containerId: fc.constantFrom("", "a", "b"),
    origin: fc.constantFrom(0, 1, 0xffffffffffff),
    address: fc.constantFrom(0, 1, 0xffffffff),
    hostname: fc.constantFrom("x.weave.local.", "X.weave.local.", "a.b.weave.local."),
    version: fc.nat(3),
    tombstone: fc.constantFrom(0, 1_700_000_000, 1_700_000_001),
  })
  .map(makeEntry);
/** Lists of them in table order. */
export const entries: fc.Arbitrary<NameEntry[]> = fc.array(entry, { maxLength: 20 }).map(normalise);
