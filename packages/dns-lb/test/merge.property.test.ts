import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { makeEntry, mergeEntries, type NameEntry, normalise } from "../src/entry.ts";
import { DnsError } from "../src/errors.ts";
import { NameTable } from "../src/table.ts";
import { addressCodec, recordCodec } from "../src/wire.ts";

const entry = fc
  .record({
    containerId: fc.constantFrom("", "a", "b"),
    origin: fc.constantFrom(0, 1, 0xffffffffffff),
    address: fc.constantFrom(0, 1, 0xffffffff),
    hostname: fc.constantFrom("x.weave.local.", "X.weave.local.", "a.b.weave.local."),
    version: fc.nat(3),
    tombstone: fc.constantFrom(0, 1_700_000_000, 1_700_000_001),
  })
  .map(makeEntry);
const entries = fc.array(entry, { maxLength: 20 }).map(normalise);

describe("merging", () => {
  it("is commutative, associative, idempotent", () => {
    fc.assert(
      fc.property(entries, entries, entries, (a, b, c) => {
        expect(mergeEntries(a, b)).toEqual(mergeEntries(b, a));
        expect(mergeEntries(a, mergeEntries(b, c))).toEqual(mergeEntries(mergeEntries(a, b), c));
        expect(mergeEntries(a, a)).toEqual(a);
      }),
    );
  });

  it("into a table, one by one in any order, gives the same as merging lists", () => {
    fc.assert(
      fc.property(entries, entries, (a, b) => {
        const table = new NameTable("weave.local.");
        for (const e of mergeEntries(a, b).reverse()) table.put(e);
        expect(table.all()).toEqual(mergeEntries(a, b));
        expect(table.size).toBe(table.all().length);
      }),
    );
  });
});

describe("a table's indexes", () => {
  it("agree with a scan after any puts and removals", () => {
    fc.assert(
      fc.property(entries, entries, fc.constantFrom(0, 1, 0xffffffffffff), (a, b, gone) => {
        const table = new NameTable("weave.local.");
        for (const e of a) table.put(e);
        table.remove((e) => e.origin === gone);
        for (const e of b) table.put(e);
        const all = table.all();
        for (const address of [0, 1, 0xffffffff]) {
          expect(table.reverse(address)).toBe(all.find((e) => e.address === address && e.tombstone === 0));
        }
        const below = all.some((e) => e.tombstone === 0 && e.key === "a.b.weave.local.");
        expect(table.hasBelow("b.weave.local.")).toBe(below);
        for (const e of all) expect(table.get(e)).toBe(e);
      }),
    );
  });
});

describe("payloads", () => {
  it("come back as they went, for both channels", () => {
    fc.assert(
      fc.property(entries, fc.nat(2 ** 31), (list, timestamp) => {
        expect(addressCodec.decode(addressCodec.encode(timestamp, list))).toEqual({ timestamp, entries: list });
        const records: NameEntry[] = normalise(
          list.map((e) => makeEntry({ ...e, address: 0, type: "AAAA", data: String(e.address) })),
        );
        expect(recordCodec.decode(recordCodec.encode(timestamp, records))).toEqual({ timestamp, entries: records });
      }),
    );
  });

  it("of any bytes give a value or a typed error", () => {
    const valid = addressCodec.encode(1, [makeEntry({ containerId: "c", origin: 1, hostname: "a.", address: 1 })]);
    const spoilt = fc.array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { maxLength: 4 }).map((changes) => {
      const bytes = valid.slice();
      for (const [at, value] of changes) bytes[at] = value;
      return bytes;
    });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), spoilt), (bytes) => {
        try {
          addressCodec.decode(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(DnsError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
