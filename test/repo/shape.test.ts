import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type Allowance, breachesOf, budgets } from "../measure/ratchet.ts";
import { measureTree } from "../measure/tree.ts";
import { root } from "./tree.ts";

const tree = measureTree(root);
const { packages } = tree;
const allowed = JSON.parse(readFileSync(join(root, "test/repo/allowed.json"), "utf8")) as Record<string, Allowance>;

const now = breachesOf(tree);

const advice = "Mend it; allowed.json only shrinks (`npm run measure -- --allow` after a mend).";

const anywhere = (list: "longFunctions" | "uncalledMethods") =>
  new Set(Object.values(allowed).flatMap((one) => one[list]));

describe.each(packages.map((one) => [one.folder, one] as const))("%s", (folder, one) => {
  const has = now[folder]!;

  it("has no new function above 80 lines", () => {
    const known = anywhere("longFunctions");
    const fresh = one.functions.filter(({ lines, name }) => lines > budgets.functionFail && !known.has(name));
    expect(
      fresh.map(({ path, line, name, lines }) => `${path}:${line} ${name}: ${lines} lines`),
      advice,
    ).toEqual([]);
  });

  it("has no more files that import each other in a circle", () => {
    const shown = one.circles.map((files) => files.join(", ")).join("\n");
    // Circles may move between packages, with the files that form them.
    const total = (all: Record<string, Allowance>) =>
      Object.values(all).reduce((sum, one) => sum + one.filesInCircles, 0);
    const isFine = has.filesInCircles <= (allowed[folder]?.filesInCircles ?? 0) || total(now) <= total(allowed);
    expect(isFine, `${shown}\n${advice}`).toBe(true);
  });

  it("exports at most twelve values from each entry", () => {
    const may = allowed[folder]?.largeEntries ?? {};
    const fresh = Object.entries(has.largeEntries).filter(([entry, count]) => count > (may[entry] ?? 0));
    expect(fresh, advice).toEqual([]);
  });

  it("declares no method that nothing calls", () => {
    const known = anywhere("uncalledMethods");
    expect(
      has.uncalledMethods.filter((name) => !known.has(name)),
      advice,
    ).toEqual([]);
  });
});

describe("sizes", () => {
  it("the longest functions are shown", () => {
    const all = packages.flatMap(({ functions }) => functions).filter(({ lines }) => lines > budgets.functionWarn);
    const worst = all.sort((a, b) => b.lines - a.lines).slice(0, 10);
    for (const { path, line, name, lines } of worst)
      console.warn(`warning: ${path}:${line} ${name} has ${lines} lines (budget ${budgets.functionWarn})`);
  });
});
