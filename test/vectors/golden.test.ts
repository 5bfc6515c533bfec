import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { runVectors } from "./runner.ts";
import { shapes, suites } from "./suites.ts";

const golden = fileURLToPath(new URL("./golden", import.meta.url));

/** Files of a shape that a suite knows; their names are ours. */
const shaped = ["policy-calico.json", "policy-kubernetes.json", "policy-selectors.json"];

describe("golden vectors", () => {
  it("are all known to a suite, and no suite is without any", () => {
    expect(readdirSync(golden).sort()).toEqual([...suites.map((suite) => suite.file), ...shaped].sort());
    expect(shaped).toHaveLength(shapes.length);
  });

  for (const file of [...suites.map((suite) => suite.file), ...shaped]) {
    it(`${file} holds case by case`, async () => {
      const results = await runVectors(golden, suites, [file], shapes);
      expect(results.length).toBeGreaterThan(0);
      expect(results.filter((result) => result.failure !== undefined)).toEqual([]);
    });
  }

  it("a kind that no suite knows is a failure, not a silence", async () => {
    const results = await runVectors(golden, [{ file: "peer-names.json", kinds: {} }], ["peer-names"]);
    expect(results.every((result) => result.failure?.includes("unknown kind"))).toBe(true);
  });

  it.each([
    ["a case with an unknown field", { labels: [], cases: [{ selector: "", valid: true, matches: "", weight: 1 }] }],
    ["a file with an unknown field", { labels: [], extra: 1, cases: [{ selector: "", valid: true, matches: "" }] }],
    ["a file of unknown shape", { cases: [{ question: 1 }] }],
    ["a file without cases", { cases: [] }],
    ["a case that does not hold", { labels: [{}], cases: [{ selector: "has(a)", valid: true, matches: "1" }] }],
  ])("%s is a failure, not a silence", async (_, file) => {
    const dir = mkdtempSync(join(tmpdir(), "vectors-"));
    try {
      writeFileSync(join(dir, "some.json"), JSON.stringify(file));
      const results = await runVectors(dir, suites, [], shapes).catch((error: Error) => [{ failure: error.message }]);
      expect(results.length).toBeGreaterThan(0);
      expect(results.every((result) => result.failure !== undefined)).toBe(true);
    } finally {
      rmSync(dir, { recursive: true });
    }
  });
});
