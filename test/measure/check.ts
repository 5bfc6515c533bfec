/**
 * A step of `npm run check`: what people read, the counts of parameters, and tests that mirror sources, against what
 * test/repo/allowed.json allows. Code that moved from one package to another has not become worse.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { unexcused } from "./excuses.ts";
import { type Allowance, breachesOf, budgets, isHot, unmirrored } from "./ratchet.ts";
import { measureTree, type PackageMeasures } from "./tree.ts";

/** The figures that count things, each with the lines that show where they are. */
const figures: readonly {
  readonly name: "language" | "manyParameters" | "testsWithoutSource";
  lines(one: PackageMeasures): string[];
}[] = [
  {
    name: "language",
    lines: (one) => unexcused(one.hits).map(({ path, line, name, text }) => `${path}:${line} (${name}) ${text}`),
  },
  {
    name: "manyParameters",
    lines: (one) =>
      one.functions
        .filter((fn) => fn.parameters > budgets.parameters && !isHot(fn))
        .map(({ path, line, name, parameters }) => `${path}:${line} ${name} takes ${parameters}`),
  },
  { name: "testsWithoutSource", lines: unmirrored },
];

const tree = measureTree(fileURLToPath(new URL("../..", import.meta.url)));
const now = breachesOf(tree);
const allowed = JSON.parse(readFileSync(new URL("../repo/allowed.json", import.meta.url), "utf8")) as Record<
  string,
  Allowance
>;
for (const { name, lines } of figures) {
  const total = (all: Record<string, Allowance>) => Object.values(all).reduce((sum, one) => sum + one[name], 0);
  if (total(now) <= total(allowed)) continue;
  process.exitCode = 1;
  console.log(
    `${name}: ${total(now)}, allowed ${total(allowed)}. CONTRIBUTING.md says how to write it; packages with more than before:`,
  );
  for (const one of tree.packages) {
    const [has, may] = [now[one.folder]![name], allowed[one.folder]?.[name] ?? 0];
    if (has > may) console.log([`${one.folder}: ${has}, allowed ${may}`, ...lines(one)].join("\n  "));
  }
}
