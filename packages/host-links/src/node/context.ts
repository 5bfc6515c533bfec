import type { Step } from "../steps.ts";
import type { Logger } from "../types.ts";
import { applySteps, describeSteps } from "./kernel.ts";
import type { Queues } from "./queues.ts";
import type { HostRunner } from "./runner.ts";

/** What all rooms of this folder work with. */
export interface Context {
  readonly runner: HostRunner;
  readonly logger: Logger | undefined;
  readonly prefix: string;
  readonly owner: string;
  /** Path of the namespace that is the host. */
  readonly hostNetns: string;
  /** Where processes are found. */
  readonly procPath: string;
  readonly inOrder: Queues;
}

/** Carries a plan out, and writes it to the log. */
export async function carryOut({ runner, logger }: Context, steps: readonly Step[]): Promise<void> {
  if (steps.length === 0) return;
  logger?.debug("changing links", { steps: describeSteps(steps) });
  await applySteps(runner, steps);
}
