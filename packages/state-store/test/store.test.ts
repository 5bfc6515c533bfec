import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { decodeDocument, encodeDocument } from "../src/node/document.ts";
import { openStore } from "../src/node/store.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "weaved-store-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

describe("state on disk", () => {
  it("gives back what was saved, to its owner only", async () => {
    const store = await openStore(join(dir, "deep/weave"));
    expect(await store.load("ring")).toBeUndefined();
    await store.save("ring", { entries: [1, 2] });
    expect(await (await openStore(join(dir, "deep/weave"))).load("ring")).toEqual({ entries: [1, 2] });
    expect(statSync(join(dir, "deep/weave-ring.json")).mode & 0o777).toBe(0o600);
  });

  it("keeps the last of many saves at once, and leaves no temporary file", async () => {
    const store = await openStore(join(dir, "weave"));
    await Promise.all(Array.from({ length: 50 }, (_, number) => store.save("n", { number })));
    expect(await store.load("n")).toEqual({ number: 49 });
    await store.save("n", { number: 50 });
    expect(await store.load("n")).toEqual({ number: 50 });
    expect(readdirSync(dir)).toEqual(["weave-n.json"]);
  });

  it("refuses a file cut at any byte, and leaves it alone", () => {
    const bytes = encodeDocument({ owner: "h1", ranges: [{ start: 1, end: 2 }] });
    for (let length = 0; length < bytes.length - 1; length++) {
      expect(() => decodeDocument(bytes.slice(0, length), "f")).toThrow(
        expect.objectContaining({ code: "STATE_TORN" }),
      );
    }
  });

  it("refuses an edited, a foreign, and a newer file with the remedy", async () => {
    const store = await openStore(join(dir, "weave"));
    await store.save("a", { x: 1 });
    const file = join(dir, "weave-a.json");
    const edited = readFileSync(file, "utf8").replace('"x":1', '"x":2');
    writeFileSync(file, edited);
    await expect(store.load("a")).rejects.toMatchObject({
      code: "STATE_TORN",
      message: expect.stringContaining("checksum"),
    });
    expect(readFileSync(file, "utf8")).toBe(edited);
    writeFileSync(file, "{}");
    await expect(store.load("a")).rejects.toMatchObject({ code: "STATE_FOREIGN" });
    writeFileSync(file, JSON.stringify({ format: "weaved-state", version: 99 }));
    await expect(store.load("a")).rejects.toMatchObject({ code: "STATE_NEWER" });
  });

  it("says what to do when it cannot write, and keeps the value before", async () => {
    const store = await openStore(join(dir, "weave"));
    await store.save("a", 1);
    await expect(openStore(join(dir, "weave-a.json/inside/weave"))).rejects.toMatchObject({
      code: "STATE_UNWRITABLE",
      message: expect.stringContaining("--db-prefix"),
    });
    expect(await store.load("a")).toBe(1);
  });

  it("keeps a journal beside a document until its next save, also across a restart", async () => {
    const store = await openStore(join(dir, "weave"));
    await store.save("a", { x: 1 });
    await store.append("a", ["one"]);
    await store.append("a", ["two"]);
    await store.close();
    const again = await openStore(join(dir, "weave"));
    expect(await again.load("a")).toEqual({ x: 1 });
    expect(await again.journal("a")).toEqual([["one"], ["two"]]);
    // The same value again: still another document, which has everything.
    await again.save("a", { x: 1 });
    expect(await again.journal("a")).toEqual([]);
    const third = await openStore(join(dir, "weave"));
    await third.load("a");
    expect(await third.journal("a")).toEqual([]);
    await third.append("a", ["three"]);
    expect(await third.journal("a")).toEqual([["three"]]);
    await third.close();
  });

  it("reads a journal cut at any byte up to the last whole record, and refuses one changed before it", async () => {
    const store = await openStore(join(dir, "weave"));
    await store.save("a", 1);
    for (const record of ["one", "two"]) await store.append("a", record);
    const file = join(dir, "weave-a.json.journal");
    const bytes = readFileSync(file, "utf8");
    for (let length = 0; length <= bytes.length; length++) {
      writeFileSync(file, bytes.slice(0, length));
      const whole = bytes.slice(0, length).split("\n").length - 2;
      expect(await store.journal("a")).toEqual(["one", "two"].slice(0, Math.max(whole, 0)));
    }
    writeFileSync(file, bytes.replace('"one"', '"oNe"'));
    await expect(store.journal("a")).rejects.toMatchObject({ code: "STATE_TORN" });
    await store.close();
  });

  it("forgets everything when asked", async () => {
    const store = await openStore(join(dir, "weave"));
    await store.save("a", 1);
    await store.append("a", 2);
    await store.clear();
    expect(readdirSync(dir)).toEqual([]);
  });
});
