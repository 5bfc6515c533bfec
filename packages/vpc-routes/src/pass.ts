import { subtractRanges } from "@weaved/ip";
import { applyToTable, forget, learnLimits } from "./apply.ts";
import type { Context } from "./context.ts";
import { learnQuota, lookAtCheck, lookAtPeerings, refuseOverlap, tolerate } from "./look.ts";
import { nativePrefixes, nativeRanges } from "./lookup.ts";
import type { OwnershipUpdate } from "./options.ts";
import type { RoutePlan } from "./plan.ts";
import type { RouteTable } from "./ports.ts";
import type { Registry } from "./registry.ts";
import { canonical, isInside, isOurs } from "./routes.ts";
import type { Problem, ReconcilerStatus, TableStatus } from "./status.ts";
import type { RouteConflict, RouteStep } from "./steps.ts";
import { budgetOf, divide, planFor, readView, type View } from "./view.ts";

const NOBODY: ReadonlySet<string> = new Set();

/** Reads, plans, writes once. The status says whether another pass is needed. */
export async function runPass(context: Context, wanted: OwnershipUpdate): Promise<Omit<ReconcilerStatus, "passes">> {
  const { memory, pacer } = context;
  await learnQuota(context);
  await lookAtCheck(context);
  const view = await readView(context, wanted.interfaces);
  refuseOverlap(context, view.tables);
  await lookAtPeerings(context);
  const plan = planFor(context, view, wanted);
  let dead = NOBODY;
  const sweep = async () => {
    dead = await context.sweeper.look(view.tables, view.members);
  };
  memory.problems.sweep = await tolerate(context, sweep);
  const done = await applyToAll(context, view, plan, dead);
  memory.problems.tables = [...done.denied, ...conflictProblems(done.conflicts), ...foreignBlackholes(context, view)];
  const tables = view.tables.map((table) => tableStatus(context, table, view.members, plan));
  const registered = new Set(view.members.values());
  return {
    tables,
    limit: { routes: memory.limits[4], from: memory.limits[4] === undefined ? "unknown" : memory.limitFrom },
    budget: budgetOf(context, view, 4),
    ...reach(context, view, wanted),
    applied: done.applied,
    conflicts: done.conflicts,
    swept: [...dead],
    members: view.members.size,
    throttled: pacer.throttled,
    sourceDestCheck: memory.check,
    problems: Object.values(memory.problems).flat(),
    ...(done.denied[0] && { error: done.denied[0] }),
    waiting: tables.some((table) => table.missing > 0) || wanted.ranges.some(({ peer }) => !registered.has(peer)),
    unsettled: done.applied.length > 0 || done.refused > 0 || dead.size > 0,
  };
}

/** Whether packets of containers would be dropped at this host's own interface, and it should therefore only encapsulate. */
function isMute({ options, memory }: Context): boolean {
  return memory.check === "on" && options.whenChecked === "overlay";
}

async function applyToAll(context: Context, view: View, plan: RoutePlan, dead: ReadonlySet<string>) {
  const { mine, theirs } = divide(plan, context.options.self.peer, view.members, dead);
  const done = { applied: [] as RouteStep[], conflicts: [] as RouteConflict[], refused: 0 };
  const denied: Problem[] = [];
  const full = new Set<4 | 6>();
  for (const [index, table] of view.tables.entries()) {
    const what = { mine: isMute(context) ? NOBODY : mine, theirs, members: view.members, dead };
    const one = await applyToTable(context, table, what);
    view.tables[index] = await forget(context, one.table, dead);
    done.applied.push(...one.applied);
    done.conflicts.push(...one.conflicts);
    // A table that may not be written is no reason to look again soon: a granted permission is noticed by its own pace.
    if (one.denied) denied.push(one.denied);
    else done.refused += one.refused;
    for (const family of one.full) full.add(family);
  }
  await learnLimits(context, full);
  return { ...done, denied };
}

function conflictProblems(conflicts: readonly RouteConflict[]): Problem[] {
  return conflicts.map(({ table, destination, holder, blackhole }) => ({
    code: "CONFLICT",
    message: `${destination} in ${table} leads to ${holder}${blackhole ? ", which is gone" : ""}; delete that route, or let the overlay carry the range`,
  }));
}

/** Names to show before "and n more". */
const SHOWN = 5;

/** Black holes inside the container network that no member made: they cost quota, and drop what matches them. */
function foreignBlackholes({ within, options }: Context, { tables, members }: View): Problem[] {
  return tables.flatMap(({ id, routes }) => {
    const holes = routes.filter(
      (route) => route.state === "blackhole" && isInside(route, within) && !isOurs(route, members, within),
    );
    if (holes.length === 0) return [];
    const names = holes.slice(0, SHOWN).map(({ destination }) => destination);
    const more = holes.length > SHOWN ? ` and ${holes.length - SHOWN} more` : "";
    const remedy = options.adoptBlackholes
      ? "they are removed once EC2 says that the interface or its instance is gone"
      : "delete them, or let this host adopt black holes";
    const message = `${id} has ${holes.length} black holes that no member made: ${names.join(", ")}${more}; ${remedy}`;
    return [{ code: "BLACKHOLE", message }] as const;
  });
}

/** What this host's own table leads to, as it is now. */
function reach(context: Context, view: View, { ranges, prefixes = [] }: OwnershipUpdate) {
  const { peer: me } = context.options.self;
  const own = view.tables.find((table) => table.id === view.own?.id) ?? view.own;
  const routes = own === undefined || isMute(context) ? [] : own.routes;
  const native = nativeRanges(routes, view.members, ranges);
  const sixes = nativePrefixes(routes, view.members, prefixes);
  return {
    native,
    overlay: subtractRanges(ranges, native).filter((range) => range.peer !== me),
    nativePrefixes: sixes,
    overlayPrefixes: prefixes.filter((prefix) => prefix.peer !== me && !sixes.includes(prefix)),
  };
}

function tableStatus({ within }: Context, table: RouteTable, members: Registry, plan: RoutePlan): TableStatus {
  const ours = table.routes.filter((route) => isOurs(route, members, within));
  const has = new Map(ours.map((route) => [canonical(route.destination), members.get(route.eni as string)]));
  const missing = plan.routes.filter((route) => has.get(route.destination) !== route.peer).length;
  return { id: table.id, routes: table.routes.length, ours: ours.length, missing };
}
