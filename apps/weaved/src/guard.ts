import type { RootLogger } from "./logging.ts";
import { describeFailure } from "./values/failure.ts";

/** How long the daemon may take to end after an error that nothing caught, in milliseconds. */
const endWithinMs = 10_000;

/** What the guard acts on. */
export interface GuardOptions {
  readonly log: Pick<RootLogger, "error">;
  count(): void;
  /** Ends the daemon with its state saved. */
  end(): Promise<void>;
  exit(code: number): void;
}

/** The process events that the guard listens to; `process` in the daemon. */
export interface Uncaught {
  on(event: "uncaughtException" | "unhandledRejection", listener: (error: unknown) => void): unknown;
}

/**
 * The last line of defence: an error that nothing caught is logged and counted, and the daemon ends cleanly with its state saved, so
 * that a supervisor starts it again. Nothing from the network, a container, Docker, or a file is meant to get here.
 */
export function guardProcess(source: Uncaught, { log, count, end, exit }: GuardOptions): void {
  let ending = false;
  const onError = (error: unknown) => {
    count();
    const stack = error instanceof Error ? error.stack : undefined;
    log.error(`nothing caught an error: ${describeFailure(error).line}`, { code: "UNCAUGHT", stack });
    if (ending) return;
    ending = true;
    const late = setTimeout(() => exit(1), endWithinMs);
    end()
      .catch((failed: unknown) =>
        log.error(`cannot end cleanly: ${describeFailure(failed).line}`, { code: "UNCAUGHT" }),
      )
      .finally(() => {
        clearTimeout(late);
        exit(1);
      });
  };
  source.on("uncaughtException", onError);
  source.on("unhandledRejection", onError);
}
