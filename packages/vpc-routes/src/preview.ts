import type { Context } from "./context.ts";
import { learnQuota, refuseOverlap } from "./look.ts";
import type { OwnershipUpdate } from "./options.ts";
import type { RoutePlan } from "./plan.ts";
import { printPlan } from "./print.ts";
import { countRoutes } from "./routes.ts";
import { planTable, type TablePlan } from "./steps.ts";
import { divide, planFor, readTables } from "./view.ts";

/** A dry run. */
export interface Preview {
  readonly plan: RoutePlan;
  /** Steps and conflicts, one entry a table and host. */
  readonly tables: readonly TablePlan[];
  /** For people: a table of the steps, then what they cost. */
  readonly text: string;
}

/** What a pass would do, as though every host were registered. Reads only. */
export async function preview(context: Context, wanted: OwnershipUpdate, who: "self" | "all"): Promise<Preview> {
  const { options, within, memory } = context;
  await learnQuota(context);
  const view = await readTables(context);
  refuseOverlap(context, view.tables);
  const members = new Map([...view.members, [options.self.eni, options.self.peer]]);
  const plan = planFor(context, { ...view, members }, wanted, "all");
  const hosts = who === "all" ? [...members] : [[options.self.eni, options.self.peer] as const];
  const { 4: four, 6: six } = memory.limits;
  const limits = { ...(four === undefined ? {} : { 4: four }), ...(six === undefined ? {} : { 6: six }) };
  const tables = view.tables.flatMap((table) =>
    hosts.map(([self, peer]) => {
      const { mine, theirs } = divide(plan, peer, members, new Set());
      return planTable({ table, self, wanted: [...mine], othersWant: theirs, members, within, limits });
    }),
  );
  const usage = view.tables.map(({ id, routes }) => ({ table: id, routes: countRoutes(routes, 4), limit: four }));
  return { plan, tables, text: printPlan(plan, tables, usage) };
}
