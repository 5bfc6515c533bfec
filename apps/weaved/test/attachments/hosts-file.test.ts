import { mkdtempSync, openSync, readFileSync, readSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { hostsText, rewriteHosts } from "../../src/attachments/hosts-file.ts";

describe("a container's /etc/hosts", () => {
  it("has its names at each address, what its owner added, and localhost", () => {
    const entries = {
      hostname: "c1.weave.local.",
      addresses: ["10.32.0.1", "10.40.0.1"],
      extra: ["db:1.2.3.4", "v6:::1", "?"],
    };
    const rows = hostsText(entries)
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"))
      .map((line) => line.split(/ +/));
    expect(rows.slice(0, 5)).toEqual([
      ["10.32.0.1", "c1.weave.local", "c1"],
      ["10.40.0.1", "c1.weave.local", "c1"],
      ["1.2.3.4", "db"],
      ["::1", "v6"],
      ["127.0.0.1", "localhost"],
    ]);
  });

  it("is rewritten where the container sees it, out of reach of who opens its path afterwards", async () => {
    const dir = mkdtempSync(join(tmpdir(), "weaved-hosts-"));
    const path = join(dir, "hosts");
    writeFileSync(path, "a much longer text than will be written, ".repeat(30));
    const mounted = openSync(path, "r");
    await rewriteHosts(path, { hostname: "c1", addresses: ["10.32.0.1"], extra: [] });
    const seen = Buffer.alloc(4096);
    const length = readSync(mounted, seen, 0, seen.length, 0);
    expect(seen.toString("utf8", 0, length)).toBe(readFileSync(path, "utf8"));
    expect(seen.toString("utf8", 0, length)).toMatch(/localhost/);
    const inode = statSync(path).ino;
    writeFileSync(path, "written by the engine");
    expect(readSync(mounted, seen, 0, seen.length, 0)).toBe(length);
    expect(statSync(path).ino).toBe(inode);
    rmSync(dir, { recursive: true });
  });
});
