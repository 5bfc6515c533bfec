import type { RemoteTypes } from "./remote-types.ts";

/** Runs of definitions longer than this are read anew each time. */
const MAX_RUN_BYTES = 4096;
const MAX_RUNS = 256;

interface Run {
  readonly bytes: Uint8Array;
  readonly types: RemoteTypes;
}

/**
 * Tables by the definition bytes they came from. A short message is mostly definitions (a ring update has 500 bytes of
 * them), and one sender's are the same in every stream. Bounded by: 256 runs of 4 KiB, oldest out first.
 */
const runs = new Map<number, Run>();

/** The table that exactly these definitions make, if they were seen before. */
export function knownRun(bytes: Uint8Array): RemoteTypes | undefined {
  if (bytes.length > MAX_RUN_BYTES) return undefined;
  const run = runs.get(hash(bytes));
  if (run === undefined || run.bytes.length !== bytes.length) return undefined;
  for (let i = 0; i < bytes.length; i++) if (run.bytes[i] !== bytes[i]) return undefined;
  return run.types;
}

/** Keeps the table of a run. */
export function rememberRun(bytes: Uint8Array, types: RemoteTypes): void {
  if (bytes.length > MAX_RUN_BYTES) return;
  if (runs.size >= MAX_RUNS) runs.delete(runs.keys().next().value as number);
  runs.set(hash(bytes), { bytes: bytes.slice(), types });
}

/** FNV-1a. Collisions cost a miss, never a wrong table: the bytes are compared. */
function hash(bytes: Uint8Array): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < bytes.length; i++) h = Math.imul(h ^ (bytes[i] as number), 0x01000193);
  return h >>> 0;
}
