import { unexcused } from "./excuses.ts";
import type { FunctionSize } from "./functions.ts";
import type { PackageMeasures, TreeMeasures } from "./tree.ts";

/** Budgets of STYLE: beyond `warn` a question, beyond `fail` an answer. */
export const budgets = { functionWarn: 40, functionFail: 80, parameters: 4, exportedValues: 12 } as const;

/**
 * Where functions may take more parameters than the budget: numbers in a row cost nothing, an object costs an allocation for each
 * packet or answer.
 */
export const hotPaths: readonly RegExp[] = [
  /^packages\/tun-datapath\/src\/node\/(?:worker|linux)\//,
  /^packages\/dns-lb\/src\/fast-/,
  /^packages\/sleeve-crypto\/src\//,
];

/** What a package may still break. It only shrinks: whoever mends something lowers it. */
export interface Allowance {
  /** Functions above 80 lines, by name. */
  readonly longFunctions: readonly string[];
  /** Functions outside of hot paths with more than 4 parameters. */
  readonly manyParameters: number;
  /** Files in circles of imports. */
  readonly filesInCircles: number;
  /** Values of each entry that exports more than 12. */
  readonly largeEntries: Readonly<Record<string, number>>;
  /** Unit tests that mirror no source. */
  readonly testsWithoutSource: number;
  /** Methods of interfaces that nothing calls, as `Interface.method`. */
  readonly uncalledMethods: readonly string[];
  /** Lines that a pattern of language matches, without those that are allowed with a reason. */
  readonly language: number;
}

export const isHot = ({ path }: FunctionSize): boolean => hotPaths.some((pattern) => pattern.test(path));

/** What each package breaks now. */
export function breachesOf({ packages, reads }: TreeMeasures): Record<string, Allowance> {
  return Object.fromEntries(packages.map((one) => [one.folder, breaches(one, reads)]));
}

function breaches(one: PackageMeasures, reads: ReadonlySet<string>): Allowance {
  const large = one.entries.filter(({ values }) => values.length > budgets.exportedValues);
  const long = one.functions.filter(({ lines }) => lines > budgets.functionFail);
  const uncalled = one.sources.flatMap(({ methods }) => methods).filter(({ name }) => !reads.has(name));
  return {
    longFunctions: long.map(({ name }) => name).sort(),
    manyParameters: one.functions.filter((fn) => fn.parameters > budgets.parameters && !isHot(fn)).length,
    filesInCircles: one.circles.flat().length,
    largeEntries: Object.fromEntries(large.map(({ entry, values }) => [entry, values.length])),
    testsWithoutSource: unmirrored(one).length,
    uncalledMethods: uncalled.map(({ owner, name }) => `${owner}.${name}`).sort(),
    language: unexcused(one.hits).length,
  };
}

/** Unit tests without a source of the same place and name. */
export function unmirrored({ folder, sources, tests }: PackageMeasures): string[] {
  const known = new Set(sources.map(({ path }) => path.slice(`${folder}/src/`.length).replace(/\.ts$/, "")));
  const folders = new Set(
    [...known].flatMap((path) => path.split("/").map((_, at, parts) => parts.slice(0, at).join("/"))),
  );
  const mirrors = (name: string) => ["", "node/"].some((rim) => known.has(rim + name) || folders.has(rim + name));
  return tests
    .map(({ path }) => path)
    .filter((path) => path.endsWith(".test.ts") && !/\/test\/(?:host|fuzz|vectors|support)\//.test(path))
    .filter((path) => !mirrors(path.slice(`${folder}/test/`.length).replace(/(?:\.\w+)?\.test\.ts$/, "")));
}
