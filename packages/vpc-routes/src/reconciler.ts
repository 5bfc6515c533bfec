import { toBlock } from "./address.ts";
import { createPacer } from "./backoff.ts";
import { newMemory, toProblem } from "./context.ts";
import { VpcRoutesError } from "./errors.ts";
import { leave } from "./leave.ts";
import { checkOptions } from "./option-checks.ts";
import type { OwnershipUpdate, ReconcilerOptions } from "./options.ts";
import { runPass } from "./pass.ts";
import { type Preview, preview } from "./preview.ts";
import { createProblemLog } from "./problem-log.ts";
import { emptyStatus, type ReconcilerStatus } from "./status.ts";
import { createSweeper } from "./sweep.ts";

/** Keeps this host's routes equal to its ranges until closed. */
export interface Reconciler extends AsyncDisposable {
  /** Says who owns what now. The latest call wins. */
  update(update: OwnershipUpdate): void;
  status(): ReconcilerStatus;
  /** Called after each pass that changed which ranges are native, which need the overlay. Returns the way to stop. */
  onChange(listener: (status: ReconcilerStatus) => void): () => void;
  /**
   * A dry run: what a pass would change now. Reads only.
   * @param who - this host, or everyone in the registry. @defaultValue "self"
   */
  preview(update: OwnershipUpdate, who?: "self" | "all"): Promise<Preview>;
  /** Runs a pass now, after the one under way. Rejects with what stopped it, or kept it from a table. */
  reconcile(): Promise<ReconcilerStatus>;
  /**
   * Stops. With `leave`, first deletes this host's routes and its entry in the registry; without, they stay for a restart.
   * @defaultValue `{ leave: false }`
   */
  close(options?: { readonly leave?: boolean }): Promise<void>;
}

/** A permission that was granted is noticed within a minute. */
const DENIED_RETRY_MS = 45_000;

/**
 * Starts a reconciler. Nothing is read or written before the first {@link Reconciler.update}.
 * @throws VpcRoutesError `OPTION_INVALID`, `ADDRESS_INVALID`
 */
export function createReconciler(options: ReconcilerOptions): Reconciler {
  checkOptions(options);
  const { clock, random, self, idleMs = 600_000, settleMs = 10_000, debounceMs = 1_000 } = options;
  const stop = new AbortController();
  const within = options.within.map(toBlock);
  let wanted: OwnershipUpdate | undefined;
  let status = emptyStatus();
  let running: Promise<unknown> = Promise.resolve();
  let cancel = () => {};
  let failures = 0;
  /** Passes in a row that waited for others and saw nothing change. */
  let patience = 0;
  /** Bounded by: callers of onChange. */
  const listeners = new Set<(status: ReconcilerStatus) => void>();
  const pacer = createPacer(clock, random, stop.signal, options.pace);
  const sweeper = createSweeper({
    ec2: options.ec2,
    self: self.eni,
    within,
    alive: () => wanted?.alive,
    adoptBlackholes: options.adoptBlackholes === true,
  });
  const problems = createProblemLog(options);
  const context = {
    options,
    within,
    pacer,
    sweeper,
    memory: newMemory(options),
  };

  const schedule = (ms: number) => {
    cancel();
    if (stop.signal.aborted) return;
    // A quarter of jitter keeps hosts that started together apart.
    cancel = clock.after(ms * (0.75 + random() / 2), () => void pass().catch(() => {}));
  };
  const pass = (): Promise<ReconcilerStatus> => {
    const next = running.then(async () => {
      if (wanted === undefined || stop.signal.aborted) return status;
      const asked = wanted;
      try {
        const before = ways(status);
        status = { ...(await runPass(context, asked)), passes: status.passes + 1 };
        failures = 0;
        problems.look(status);
        if (before !== ways(status)) {
          patience = 0;
          for (const listener of listeners) listener(status);
        }
        schedule(nextIn(status));
      } catch (error) {
        failures++;
        report(error);
        schedule(isDenied(status) ? Math.min(idleMs, DENIED_RETRY_MS) : retryMs());
        throw error;
      }
      return status;
    });
    running = next.catch(() => {});
    return next;
  };
  /** What other hosts do shows only in the tables, and decides what is native from here. */
  const nextIn = (next: ReconcilerStatus) => {
    const most = isDenied(next) || next.sourceDestCheck === "on" ? Math.min(idleMs, DENIED_RETRY_MS) : idleMs;
    if (next.unsettled) patience = 0;
    else if (!next.waiting) return most;
    return Math.min(most, settleMs * 2 ** patience++);
  };
  const retryMs = () => Math.min(idleMs, settleMs * 2 ** Math.min(failures, 6));
  const report = (error: unknown) => {
    const known = error instanceof VpcRoutesError ? error : new VpcRoutesError("EC2_FAILED", String(error));
    status = { ...status, error: toProblem(context, known) };
    problems.look(status);
    options.metrics?.count("vpc_routes_failed_passes", 1, { code: known.code });
  };
  return {
    update(update) {
      wanted = update;
      patience = 0;
      schedule(debounceMs);
    },
    status: () => status,
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    async reconcile() {
      const done = await pass();
      if (done.error) throw new VpcRoutesError(done.error.code, done.error.message);
      return done;
    },
    preview: (update, who = "self") => preview(context, update, who),
    async close({ leave: leaving = false } = {}) {
      cancel();
      if (stop.signal.aborted) return;
      listeners.clear();
      // Without leaving, a pass that waits between tries ends at once; with it, the waits are still wanted.
      if (!leaving) stop.abort();
      await running;
      cancel();
      if (leaving) await leave(context);
      stop.abort();
    },
    async [Symbol.asyncDispose]() {
      await this.close();
    },
  };
}

/** True where IAM, or the credentials, stopped something that a person can allow. */
function isDenied({ error, problems }: ReconcilerStatus): boolean {
  const codes = [error, ...problems].map((problem) => problem?.code);
  return codes.includes("PERMISSION_MISSING") || codes.includes("CREDENTIALS_INVALID");
}

/** Which way every range goes, for comparison. */
function ways({ native, overlay, nativePrefixes, overlayPrefixes }: ReconcilerStatus): string {
  return JSON.stringify([native, overlay, nativePrefixes, overlayPrefixes]);
}
