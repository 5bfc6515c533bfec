import type { ReconcilerOptions } from "./options.ts";
import type { Problem, ReconcilerStatus } from "./status.ts";

/** Tells the log about problems as they come and go, each once, and counts the present ones. */
export function createProblemLog({ logger, metrics }: Pick<ReconcilerOptions, "logger" | "metrics">): {
  look(status: ReconcilerStatus): void;
} {
  /** By text. Bounded by: problems of one pass. */
  let present = new Map<string, Problem>();
  return {
    look({ error, problems }) {
      const all = error ? [error, ...problems] : problems;
      const next = new Map(all.map((problem) => [problem.message, problem]));
      for (const [text, problem] of next)
        if (!present.has(text)) logger?.warn(`VPC routes: ${text}`, { code: problem.code });
      for (const text of present.keys()) if (!next.has(text)) logger?.info(`VPC routes: no longer: ${text}`);
      for (const code of new Set([...present.values(), ...next.values()].map((problem) => problem.code)))
        metrics?.gauge("vpc_routes_problems", [...next.values()].filter((one) => one.code === code).length, { code });
      present = next;
    },
  };
}
