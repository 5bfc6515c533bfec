/**
 * Policies from YAML or JSON text, with the place of every problem.
 *
 * @packageDocumentation
 */

export { type DocumentProblem, type ParsedDocuments, parseDocuments } from "./parse.ts";
export { parseTests, type TestFile } from "./tests.ts";
