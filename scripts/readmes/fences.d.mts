/** A code fence of a README; see fences.mjs. */
export interface Fence {
  readonly line: number;
  readonly lang: string;
  readonly code: string;
  readonly notes: readonly string[];
  readonly file: string | undefined;
  readonly output: string | undefined;
}
export function parseFences(readme: string): Fence[];
