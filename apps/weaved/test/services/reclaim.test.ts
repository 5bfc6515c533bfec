import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { reclaimBy } from "../../src/services/reclaim.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "weaved-gone-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

function program(body: string): string {
  const path = join(dir, "gone");
  writeFileSync(path, `#!/bin/sh\n${body}\n`);
  chmodSync(path, 0o700);
  return path;
}

describe("the program that knows which machines are gone", () => {
  it("is told the peer's name and nickname, says by its exit code", async () => {
    const policy = reclaimBy(program('[ "$1 $2" = "00:00:00:00:00:03 h3" ]'));
    expect(await policy.confirmGone(3, "h3")).toBe(true);
    expect(await policy.confirmGone(4, "h4")).toBe(false);
  });

  it("knows nothing when it fails or is missing", async () => {
    await expect(reclaimBy(program("exit 3")).confirmGone(3, "h3")).rejects.toThrow();
    await expect(reclaimBy(join(dir, "missing")).confirmGone(3, "h3")).rejects.toThrow("ENOENT");
  });
});
