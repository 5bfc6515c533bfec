import { readFileSync } from "node:fs";
import { fromHex, type VectorCase } from "../../../test/vectors/suite.ts";

/** The cases of a kind in a golden file of the repository, which were recorded from the original. */
export function goldenCases(file: string, kind: string): VectorCase[] {
  const url = new URL(`../../../test/vectors/golden/${file}`, import.meta.url);
  const { cases } = JSON.parse(readFileSync(url, "utf8")) as { cases: VectorCase[] };
  return cases.filter((testCase) => testCase.kind === kind);
}

/** The bytes of a text in hex. */
export { fromHex };
