import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { unexcused } from "../measure/excuses.ts";
import { type Allowance, breachesOf, budgets, isHot, unmirrored } from "../measure/ratchet.ts";
import { measureTree } from "../measure/tree.ts";
import { root } from "./tree.ts";

const tree = measureTree(root);
const { packages } = tree;
const allowed = JSON.parse(readFileSync(join(root, "test/repo/allowed.json"), "utf8")) as Record<string, Allowance>;

const now = breachesOf(tree);

const advice = "Mend it; allowed.json only shrinks (`npm run measure -- --allow` after a mend).";

type Figure = "manyParameters" | "filesInCircles" | "testsWithoutSource" | "language";

/** Whether a package breaks no more than it may. Code that moved from one package to another has not become worse. */
function within(folder: string, figure: Figure): boolean {
  const total = (all: Record<string, Allowance>) => Object.values(all).reduce((sum, one) => sum + one[figure], 0);
  return now[folder]![figure] <= (allowed[folder]?.[figure] ?? 0) || total(now) <= total(allowed);
}

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

  it("has no more functions with over four parameters outside of hot paths", () => {
    const many = one.functions.filter((fn) => fn.parameters > budgets.parameters && !isHot(fn));
    const shown = many.map(({ path, line, name }) => `${path}:${line} ${name}`).join("\n");
    expect(within(folder, "manyParameters"), `${shown}\n${advice}`).toBe(true);
  });

  it("has no more files that import each other in a circle", () => {
    const shown = one.circles.map((files) => files.join(", ")).join("\n");
    expect(within(folder, "filesInCircles"), `${shown}\n${advice}`).toBe(true);
  });

  it("exports at most twelve values from each entry", () => {
    const may = allowed[folder]?.largeEntries ?? {};
    const fresh = Object.entries(has.largeEntries).filter(([entry, count]) => count > (may[entry] ?? 0));
    expect(fresh, advice).toEqual([]);
  });

  it("has no more unit tests without a source of their name", () => {
    expect(within(folder, "testsWithoutSource"), `${unmirrored(one).join("\n")}\n${advice}`).toBe(true);
  });

  it("declares no method that nothing calls", () => {
    const known = anywhere("uncalledMethods");
    expect(
      has.uncalledMethods.filter((name) => !known.has(name)),
      advice,
    ).toEqual([]);
  });

  it("has no more lines that a reader stumbles over", () => {
    const lines = unexcused(one.hits).map(({ path, line, name, text }) => `${path}:${line} (${name}) ${text}`);
    const shown = lines.slice(0, 40).join("\n");
    expect(within(folder, "language"), `${shown}\nCONTRIBUTING.md says how to write it. ${advice}`).toBe(true);
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
