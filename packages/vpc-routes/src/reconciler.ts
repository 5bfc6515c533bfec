import type { CidrInput } from "@weaved/ip";
import { toBlock } from "./address.ts";
import { createPacer, type PaceOptions } from "./backoff.ts";
import { newMemory, toProblem } from "./context.ts";
import { VpcRoutesError } from "./errors.ts";
import { leave } from "./leave.ts";
import { runPass } from "./pass.ts";
import type { OwnedPrefix, PlanInput } from "./plan.ts";
import type { Clock, Ec2Port, Logger, Metrics, OwnedRange, PeerName, Random } from "./ports.ts";
import { type Preview, preview } from "./preview.ts";
import { emptyStatus, type ReconcilerStatus } from "./status.ts";
import { createSweeper } from "./sweep.ts";
import type { TablePolicy } from "./tables.ts";

/** What a {@link Reconciler} is made from. */
export interface ReconcilerOptions {
  readonly ec2: Ec2Port;
  readonly clock: Clock;
  readonly random: Random;
  /** This host: its peer name, the interface that routes lead to, that interface's subnet and VPC. */
  readonly self: { readonly peer: PeerName; readonly eni: string; readonly subnet: string; readonly vpc: string };
  /** CIDRs of the container network; no route outside is ever touched. */
  readonly within: readonly CidrInput[];
  /** Clusters of different names do not touch each other's routes. @defaultValue "default" */
  readonly cluster?: string;
  /** @defaultValue "all" */
  readonly tables?: TablePolicy;
  /** Routes per table and family. @defaultValue read from Service Quotas, else learned from the first refusal */
  readonly limit?: number;
  /** Routes per table kept free for others. @defaultValue 0 */
  readonly headroom?: number;
  /** @defaultValue by budget: see {@link PlanInput.aggregate} */
  readonly aggregate?: PlanInput["aggregate"];
  /** @defaultValue 1.5 */
  readonly stickiness?: number;
  /** Take over black holes inside `within` that nobody registered. @defaultValue false */
  readonly adoptBlackholes?: boolean;
  /**
   * While the source/destination check is on, EC2 drops every packet of a container here. `route`: routes are made all the same,
   * as Weave Net did, for somebody may be about to switch it off. `overlay`: this host has no routes, so all encapsulate.
   * @defaultValue "route"
   */
  readonly whenChecked?: "route" | "overlay";
  /** Switch the source/destination check of our interface off when it is on. @defaultValue false */
  readonly fixSourceDestCheck?: boolean;
  /** Between passes while nothing changes: each is one DescribeRouteTables. @defaultValue 600000 */
  readonly idleMs?: number;
  /** From a change to the pass that verifies it; EC2 reads may be that old. @defaultValue 10000 */
  readonly settleMs?: number;
  /** From an update to the pass that acts on it, so that a burst of updates is one pass. @defaultValue 1000 */
  readonly debounceMs?: number;
  readonly pace?: PaceOptions;
  readonly logger?: Logger;
  readonly metrics?: Metrics;
}

/** What the ring and gossip know. */
export interface OwnershipUpdate {
  readonly ranges: readonly OwnedRange[];
  readonly prefixes?: readonly OwnedPrefix[];
  /** Peers that gossip can reach. Absent: unknown. */
  readonly alive?: ReadonlySet<PeerName>;
  /** See {@link PlanInput.traffic}. */
  readonly traffic?: ReadonlyMap<PeerName, number>;
}

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
  /** Runs a pass now, after the one under way. Rejects with what stopped it. */
  reconcile(): Promise<ReconcilerStatus>;
  /**
   * Stops. With `leave`, first deletes this host's routes and its entry in the registry; without, they stay for a restart.
   * @defaultValue `{ leave: false }`
   */
  close(options?: { readonly leave?: boolean }): Promise<void>;
}

/** Starts a reconciler. Nothing is read or written before the first {@link Reconciler.update}. */
export function createReconciler(options: ReconcilerOptions): Reconciler {
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
  const sweeper = createSweeper({ ec2: options.ec2, self: self.eni, within, alive: () => wanted?.alive });
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
        if (before !== ways(status)) {
          patience = 0;
          for (const listener of listeners) listener(status);
        }
        schedule(nextIn(status));
      } catch (error) {
        failures++;
        report(error);
        schedule(error instanceof VpcRoutesError && error.code === "PERMISSION_MISSING" ? idleMs : retryMs());
        throw error;
      }
      return status;
    });
    running = next.catch(() => {});
    return next;
  };
  /** What other hosts do shows only in the tables, and decides what is native from here. */
  const nextIn = ({ unsettled, waiting }: ReconcilerStatus) => {
    if (unsettled) patience = 0;
    else if (!waiting) return idleMs;
    return Math.min(idleMs, settleMs * 2 ** patience++);
  };
  const retryMs = () => Math.min(idleMs, settleMs * 2 ** Math.min(failures, 6));
  const report = (error: unknown) => {
    const known = error instanceof VpcRoutesError ? error : new VpcRoutesError("EC2_FAILED", String(error));
    const problem = toProblem(context, known);
    status = { ...status, error: problem };
    options.logger?.warn("route tables could not be brought up to date", { ...problem });
    options.metrics?.count("vpc_routes_failed_passes", 1, { code: problem.code });
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
    reconcile: pass,
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

/** Which way every range goes, for comparison. */
function ways({ native, overlay, nativePrefixes, overlayPrefixes }: ReconcilerStatus): string {
  return JSON.stringify([native, overlay, nativePrefixes, overlayPrefixes]);
}
