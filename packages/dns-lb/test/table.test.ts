import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { makeEntry, mergeEntries } from "../src/entry.ts";
import { NameTable } from "../src/table.ts";
import { entries } from "./support/entries.ts";

describe("NameTable", () => {
  it("holds the same after puts in any order as a merge of the lists", () => {
    fc.assert(
      fc.property(entries, entries, (a, b) => {
        const table = new NameTable("weave.local.");
        for (const e of mergeEntries(a, b).reverse()) table.put(e);
        expect(table.all()).toEqual(mergeEntries(a, b));
        expect(table.size).toBe(table.all().length);
      }),
    );
  });
  it("has indexes that agree with a scan after any puts and removals", () => {
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

  it("takes 4096 claims of one name, so that answering it stays cheap", () => {
    const table = new NameTable("weave.local.");
    const put = (i: number): boolean =>
      table.put(makeEntry({ containerId: `c${i}`, origin: 1, hostname: "web.weave.local.", address: i }));
    for (let i = 0; i < 4096; i++) expect(put(i)).toBe(true);
    expect(put(5000)).toBe(false);
    expect(put(7)).toBe(true);
    expect(table.size).toBe(4096);
  });
});
