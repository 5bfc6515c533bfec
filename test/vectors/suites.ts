import type { VectorSuite } from "./suite.ts";

/** Every suite of the repository, in the order of the vector files. */
export const suites: readonly VectorSuite[] = [];
