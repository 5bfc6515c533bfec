import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { ShapedCase, ShapeSuite, VectorCase, VectorSuite } from "./suite.ts";

/** What became of one case. */
export interface VectorResult {
  readonly file: string;
  readonly name: string;
  readonly kind: string;
  /** Absent when the case holds. */
  readonly failure?: string;
  /** The suite could not read the case: the failure says nothing about the code under test. */
  readonly unjudged?: true;
}

/**
 * Runs every case of the vector files in a folder.
 *
 * A file is checked by the suite of its name; a file of another name by the only suite that knows all its kinds, or, when
 * its cases name none, by the only one that knows its shape. A kind or a shape that no suite knows is a failure, so
 * nothing is passed over in silence.
 *
 * @param only - base names to run, with or without `.json`; empty runs all
 */
export async function runVectors(
  dir: string,
  suites: readonly VectorSuite[],
  only: readonly string[] = [],
  shapes: readonly ShapeSuite[] = [],
): Promise<VectorResult[]> {
  const wanted = new Set(only.map((name) => (name.endsWith(".json") ? name : `${name}.json`)));
  const present = readdirSync(dir).filter((name) => name.endsWith(".json"));
  const results: VectorResult[] = [];
  for (const name of wanted) {
    if (!present.includes(name)) results.push({ file: name, name: "-", kind: "-", failure: `no such file in ${dir}` });
  }
  for (const file of present.sort()) {
    if (wanted.size > 0 && !wanted.has(file)) continue;
    const document = JSON.parse(readFileSync(join(dir, file), "utf8"));
    const cases = document.cases as VectorCase[] | undefined;
    const able = shapes.filter((shape) => shape.matches(document));
    if (able.length === 1) {
      results.push(...runShape(file, able[0]!, document));
      continue;
    }
    if (!Array.isArray(cases) || cases.length === 0) {
      results.push({ file, name: "-", kind: "-", failure: "not a vector file: it has no list of cases" });
      continue;
    }
    const suite = suiteFor(file, cases, suites);
    for (const testCase of cases) results.push(await runCase(file, testCase, suite));
  }
  return results;
}

function runShape(file: string, shape: ShapeSuite, document: Readonly<Record<string, unknown>>): VectorResult[] {
  return casesOf(shape, document).map(({ name, check }) => {
    const result = { file, name, kind: shape.kind };
    try {
      check();
      return result;
    } catch (error) {
      return { ...result, failure: error instanceof Error ? error.message : String(error) };
    }
  });
}

/** A file that cannot be read is one case that fails. */
function casesOf(shape: ShapeSuite, document: Readonly<Record<string, unknown>>): readonly ShapedCase[] {
  try {
    return shape.cases(document);
  } catch (error) {
    const fail = () => {
      throw error;
    };
    return [{ name: "-", check: fail }];
  }
}

function suiteFor(file: string, cases: readonly VectorCase[], suites: readonly VectorSuite[]): VectorSuite | undefined {
  const named = suites.find((suite) => suite.file === file);
  if (named) return named;
  const able = suites.filter((suite) => cases.every((testCase) => Object.hasOwn(suite.kinds, testCase.kind)));
  return able.length === 1 ? able[0] : undefined;
}

async function runCase(file: string, testCase: VectorCase, suite: VectorSuite | undefined): Promise<VectorResult> {
  const { name, kind } = testCase;
  if (!suite)
    return { file, name, kind, failure: "cannot judge: no suite knows this file or its kinds", unjudged: true };
  const check = Object.hasOwn(suite.kinds, kind) ? suite.kinds[kind] : undefined;
  if (!check) return { file, name, kind, failure: `cannot judge: unknown kind "${kind}"`, unjudged: true };
  try {
    await check(testCase);
    return { file, name, kind };
  } catch (error) {
    // A difference is an AssertionError. Anything else means that the check does not understand the case, or that the code
    // under test threw where a value was expected.
    const failure = error instanceof Error ? error.message : String(error);
    if (!(error instanceof TypeError)) return { file, name, kind, failure };
    return {
      file,
      name,
      kind,
      failure: `cannot judge: the suite does not understand this case (${failure})`,
      unjudged: true,
    };
  }
}
