import { type Context, toProblem } from "./context.ts";
import { VpcRoutesError } from "./errors.ts";
import { tolerate } from "./look.ts";
import type { RouteTable } from "./ports.ts";
import { type Registry, removeFromRegistry } from "./registry.ts";
import { familyOf } from "./routes.ts";
import type { Problem } from "./status.ts";
import { applyStep, planTable, type RouteConflict, type RouteStep } from "./steps.ts";
import { readTables } from "./view.ts";

/** What a table should become, as far as this host is concerned. */
interface Desired {
  readonly mine: ReadonlySet<string>;
  readonly theirs: ReadonlySet<string>;
  readonly members: Registry;
  readonly dead: ReadonlySet<string>;
}

interface Outcome {
  readonly table: RouteTable;
  readonly applied: RouteStep[];
  readonly conflicts: readonly RouteConflict[];
  /** Steps that EC2 would not do now. */
  readonly refused: number;
  /** Families for which the table is full. */
  readonly full: ReadonlySet<4 | 6>;
  /** Why this table may not be written; it is left alone for the rest of the pass. */
  readonly denied?: Problem;
}

/** Brings one table as far as EC2 lets us now. */
export async function applyToTable(context: Context, table: RouteTable, what: Desired): Promise<Outcome> {
  const { options, within, memory } = context;
  const { 4: four, 6: six } = memory.limits;
  const { steps, conflicts } = planTable({
    table,
    self: options.self.eni,
    wanted: [...what.mine],
    othersWant: what.theirs,
    members: what.members,
    dead: what.dead,
    within,
    limits: { ...(four === undefined ? {} : { 4: four }), ...(six === undefined ? {} : { 6: six }) },
    ...(options.adoptBlackholes === undefined ? {} : { adoptBlackholes: options.adoptBlackholes }),
  });
  const outcome = { table, applied: [] as RouteStep[], conflicts, refused: 0 };
  const full = new Set<4 | 6>();
  let denied: Problem | undefined;
  for (const step of steps) {
    const family = familyOf(step.destination);
    const skip = denied !== undefined || (step.do === "create" && full.has(family));
    const result = skip ? "refused" : await applyOne(context, step);
    if (result === "full") full.add(family);
    if (typeof result === "object") denied = result;
    if (result !== "done") {
      outcome.refused++;
      continue;
    }
    outcome.applied.push(step);
    outcome.table = applyStep(outcome.table, step);
    options.logger?.info("route table changed", { ...step });
    options.metrics?.count("vpc_routes_steps", 1, { do: step.do });
  }
  return denied ? { ...outcome, full, denied } : { ...outcome, full };
}

/**
 * `done`: as wanted now. `refused`, `full`: not now, look again. A problem: this table may not be written. Errors that
 * concern the whole pass are thrown.
 */
async function applyOne(context: Context, step: RouteStep): Promise<"done" | "refused" | "full" | Problem> {
  const { options, pacer } = context;
  const { ec2 } = options;
  const eni = step.eni ?? options.self.eni;
  try {
    await pacer.write(() => {
      if (step.do === "create") return ec2.createRoute(step.table, step.destination, eni);
      if (step.do === "replace") return ec2.replaceRoute(step.table, step.destination, eni);
      return ec2.deleteRoute(step.table, step.destination);
    });
    return "done";
  } catch (error) {
    if (!(error instanceof VpcRoutesError)) throw error;
    if (step.do === "delete" && error.code === "ROUTE_NOT_FOUND") return "done";
    // Somebody was faster, or our read was old: the next pass sees what is there.
    if (error.code === "ROUTE_EXISTS" || error.code === "ROUTE_NOT_FOUND") return "refused";
    if (error.code === "TABLE_FULL") return "full";
    if (error.code === "PERMISSION_MISSING") {
      const problem = toProblem(context, error);
      return { ...problem, message: `${step.table} is left out: ${problem.message}` };
    }
    throw error;
  }
}

/**
 * Draws the lesson of a pass. Others write at the same moment, so a table may be full for as long as somebody has not deleted yet:
 * a known limit is doubted only after two passes. Then what a fresh read shows is all that fits.
 */
export async function learnLimits(context: Context, full: ReadonlySet<4 | 6>): Promise<void> {
  const { memory, options } = context;
  for (const family of [4, 6] as const) {
    memory.refusals[family] = full.has(family) ? memory.refusals[family] + 1 : 0;
    const known = memory.limits[family] !== undefined && memory.limitFrom !== "learned";
    if (memory.refusals[family] < (known ? 2 : 1)) continue;
    await readTables(context);
    memory.limits[family] = memory.seen[family];
    memory.limitFrom = "learned";
    options.logger?.warn("a route table is full: the rest goes by overlay", { family, limit: memory.limits[family] });
  }
}

/** Takes dead members out of a table's registry, once none of their routes is left. */
export async function forget(context: Context, table: RouteTable, dead: ReadonlySet<string>): Promise<RouteTable> {
  const { options, pacer } = context;
  const { ec2, cluster = "default" } = options;
  const clean = [...dead].filter((eni) => !table.routes.some((route) => route.eni === eni));
  const change = removeFromRegistry(cluster, table.tags, new Set(clean));
  await tolerate(context, async () => {
    if (Object.keys(change.set).length > 0) await pacer.write(() => ec2.setTags(table.id, change.set));
    if (change.delete.length > 0) await pacer.write(() => ec2.deleteTags(table.id, change.delete));
  });
  return table;
}
