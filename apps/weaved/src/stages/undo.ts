import type { RootLogger } from "../logging.ts";

/** Remembers how to undo what was started. */
export interface Undo {
  add(act: () => unknown): void;
  /** Undoes in reverse order, once. A step that fails is logged, and the others still run. */
  run(): Promise<void>;
}

/** Makes an empty one. */
export function createUndo(log: RootLogger): Undo {
  /** Bounded by: the services of a daemon. */
  const acts: (() => unknown)[] = [];
  return {
    add: (act) => void acts.push(act),
    async run() {
      for (const act of acts.splice(0).reverse()) {
        try {
          await act();
        } catch (error) {
          log.error(`a service did not close cleanly: ${(error as Error).message}`, { code: "CLOSE_FAILED" });
        }
      }
    },
  };
}

/** Runs a task periodically and logs its failures. Returns the function that ends it. */
export function every(ms: number, task: () => Promise<void>, log: RootLogger): () => void {
  const timer = setInterval(() => {
    task().catch((error: Error) => log.error(error.message));
  }, ms).unref();
  return () => clearInterval(timer);
}
