import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { runVectors } from "./runner.ts";
import { suites } from "./suites.ts";

const golden = fileURLToPath(new URL("./golden", import.meta.url));

describe("golden vectors recorded from the original", () => {
  it("are all known to a suite, and no suite is without any", () => {
    expect(readdirSync(golden).sort()).toEqual(suites.map((suite) => suite.file).sort());
  });

  for (const { file } of suites) {
    it(`${file} holds case by case`, async () => {
      const results = await runVectors(golden, suites, [file]);
      expect(results.length).toBeGreaterThan(0);
      expect(results.filter((result) => result.failure !== undefined)).toEqual([]);
    });
  }

  it("a kind that no suite knows is a failure, not a silence", async () => {
    const results = await runVectors(golden, [{ file: "peer-names.json", kinds: {} }], ["peer-names"]);
    expect(results.every((result) => result.failure?.includes("unknown kind"))).toBe(true);
  });
});
