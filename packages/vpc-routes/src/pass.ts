import type { Cidr } from "./address.ts";
import type { Pacer } from "./backoff.ts";
import { VpcRoutesError } from "./errors.ts";
import { nativeRanges } from "./lookup.ts";
import { planRoutes, type RoutePlan } from "./plan.ts";
import type { OwnedRange, PeerName, RouteTable } from "./ports.ts";
import type { OwnershipUpdate, ReconcilerOptions } from "./reconciler.ts";
import { addToRegistry, type Registry, readRegistry, removeFromRegistry } from "./registry.ts";
import type { ReconcilerStatus } from "./status.ts";
import { applyStep, canonical, isOurs, planTable, type RouteConflict, type RouteStep } from "./steps.ts";
import type { Sweeper } from "./sweep.ts";
import { chooseTables, countRoutes, routeBudget, tableOfSubnet } from "./tables.ts";

/** What a pass works with. */
export interface Context {
  readonly options: ReconcilerOptions;
  readonly within: readonly Cidr[];
  readonly pacer: Pacer;
  readonly sweeper: Sweeper;
  /** What passes learn: kept between them. */
  readonly memory: {
    limit: number | undefined;
    limitFrom: ReconcilerStatus["limit"]["from"];
    askedAt?: number;
    checkOff?: boolean;
    checkedAt?: number;
  };
}

/** One view of the managed tables and who is registered in all of them. */
interface View {
  tables: RouteTable[];
  readonly own: RouteTable | undefined;
  readonly members: Registry;
}

/** An hour: how often the source/destination check, or a quota that is not configured, is looked at again, for one call each. */
const CHECK_EVERY_MS = 3_600_000;

/** Reads, plans, writes once. The status says whether another pass is needed. */
export async function runPass(context: Context, wanted: OwnershipUpdate): Promise<Omit<ReconcilerStatus, "passes">> {
  const { options, memory, pacer } = context;
  await learnQuota(context);
  const sourceDestCheck = await lookAtCheck(context);
  const view = await readView(context);
  const plan = planFor(context, view, wanted);
  const dead = await context.sweeper.look(view.tables, view.members);
  const { mine, theirs } = divide(plan, options.self.peer, view.members, dead);
  const applied: RouteStep[] = [];
  const conflicts: RouteConflict[] = [];
  let refused = 0;
  for (const [index, table] of view.tables.entries()) {
    const done = await applyToTable(context, table, { mine, theirs, members: view.members, dead });
    view.tables[index] = await forget(context, done.table, dead);
    applied.push(...done.applied);
    conflicts.push(...done.conflicts);
    refused += done.refused;
  }
  const own = view.tables.find((table) => table.id === view.own?.id) ?? view.own;
  const native = own === undefined ? [] : nativeRanges(own.routes, view.members, wanted.ranges);
  return {
    tables: view.tables.map((table) => tableStatus(context, table, view.members, plan)),
    limit: { routes: memory.limit, from: memory.limit === undefined ? "unknown" : memory.limitFrom },
    budget: budgetOf(context, view, 4),
    native,
    overlay: without(wanted.ranges, native).filter((range) => range.peer !== options.self.peer),
    overlayPrefixes: plan.overlayPrefixes,
    applied,
    conflicts,
    swept: [...dead],
    members: view.members.size,
    throttled: pacer.throttled,
    sourceDestCheck,
    unsettled: applied.length > 0 || refused > 0 || dead.size > 0,
  };
}

/** Reads the tables; registers this host where it is missing, then reads again, so that its entry is there before its routes. */
async function readView(context: Context): Promise<View> {
  const { options, pacer } = context;
  const { ec2, self, cluster = "default" } = options;
  for (let tries = 0; ; tries++) {
    const all = await pacer.read(() => ec2.describeRouteTables(self.vpc));
    const tables = chooseTables(all, options.tables ?? "all", self.subnet);
    if (tables.length === 0) {
      throw new VpcRoutesError("TABLE_NOT_FOUND", `no route table of ${self.vpc} matches the policy of this host`);
    }
    const missing = tables.flatMap((table) => {
      const tag = addToRegistry(cluster, table.tags, self.eni, self.peer);
      return tag === undefined ? [] : [{ table, tag }];
    });
    if (missing.length === 0) {
      const members = new Map(tables.flatMap((table) => [...readRegistry(cluster, table.tags)]));
      return { tables, own: tableOfSubnet(all, self.subnet), members };
    }
    if (tries >= 5) throw new VpcRoutesError("UNAVAILABLE", "tags of the route table do not keep this host's entry");
    // Others may write the same tag at the same moment: a random wait lets one of the writers be last and seen.
    if (tries > 0) await pause(context, 1000 * tries);
    for (const { table, tag } of missing) await pacer.write(() => ec2.setTags(table.id, tag));
  }
}

function planFor(context: Context, view: View, wanted: OwnershipUpdate): RoutePlan {
  const { options, within } = context;
  const installed = new Map<string, PeerName>();
  for (const route of view.tables[0]?.routes ?? []) {
    const peer = isOurs(route, view.members, within) ? view.members.get(route.eni as string) : undefined;
    if (peer !== undefined) installed.set(canonical(route.destination), peer);
  }
  const { aggregate, stickiness } = options;
  return planRoutes({
    ranges: wanted.ranges,
    within: options.within,
    budget: budgetOf(context, view, 4),
    prefixBudget: budgetOf(context, view, 6),
    installed,
    ...(wanted.prefixes === undefined ? {} : { prefixes: wanted.prefixes }),
    ...(wanted.traffic === undefined ? {} : { traffic: wanted.traffic }),
    ...(aggregate === undefined ? {} : { aggregate }),
    ...(stickiness === undefined ? {} : { stickiness }),
  });
}

function budgetOf({ options, within, memory }: Context, view: View, family: 4 | 6): number {
  const limit = memory.limit ?? Number.POSITIVE_INFINITY;
  return routeBudget(view.tables, view.members, within, { limit, headroom: options.headroom ?? 0, family });
}

/** Whose routes the plan's are. A peer that has no interface left will replace nothing, so its routes are nobody's. */
function divide(plan: RoutePlan, self: PeerName, members: Registry, dead: ReadonlySet<string>) {
  const living = new Set([...members].flatMap(([eni, peer]) => (dead.has(eni) ? [] : [peer])));
  const of = (which: (peer: PeerName) => boolean) =>
    new Set(plan.routes.flatMap(({ destination, peer }) => (which(peer) ? [destination] : [])));
  return { mine: of((peer) => peer === self), theirs: of((peer) => peer !== self && living.has(peer)) };
}

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
}

async function applyToTable(context: Context, table: RouteTable, what: Desired): Promise<Outcome> {
  const { options, within, memory } = context;
  const room = (memory.limit ?? Number.POSITIVE_INFINITY) - countRoutes(table.routes, 4);
  const { steps, conflicts } = planTable({
    table,
    self: options.self.eni,
    wanted: [...what.mine],
    othersWant: what.theirs,
    members: what.members,
    dead: what.dead,
    within,
    room,
    ...(options.adoptBlackholes === undefined ? {} : { adoptBlackholes: options.adoptBlackholes }),
  });
  const outcome = { table, applied: [] as RouteStep[], conflicts, refused: 0 };
  for (const step of steps) {
    const result = await applyOne(context, step, outcome.table);
    if (result === "refused") outcome.refused++;
    if (result !== "done") continue;
    outcome.applied.push(step);
    outcome.table = applyStep(outcome.table, step);
    options.logger?.info("route table changed", { ...step });
    options.metrics?.count("vpc_routes_steps", 1, { do: step.do });
  }
  return outcome;
}

/** `done`: as wanted now. `refused`: not now, look again. Errors that concern the whole pass are thrown. */
async function applyOne(context: Context, step: RouteStep, table: RouteTable): Promise<"done" | "refused"> {
  const { options, memory, pacer } = context;
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
    if (error.code === "TABLE_FULL") {
      memory.limit = Math.min(memory.limit ?? Number.POSITIVE_INFINITY, countRoutes(table.routes, 4));
      memory.limitFrom = "learned";
      options.logger?.warn("a route table is full: the rest goes by overlay", { table: table.id, limit: memory.limit });
      return "refused";
    }
    throw error;
  }
}

/** Takes dead members out of a table's registry, once none of their routes is left. */
async function forget({ options, pacer }: Context, table: RouteTable, dead: ReadonlySet<string>): Promise<RouteTable> {
  const { ec2, cluster = "default" } = options;
  const clean = [...dead].filter((eni) => !table.routes.some((route) => route.eni === eni));
  const change = removeFromRegistry(cluster, table.tags, new Set(clean));
  if (Object.keys(change.set).length > 0) await pacer.write(() => ec2.setTags(table.id, change.set));
  if (change.delete.length > 0) await pacer.write(() => ec2.deleteTags(table.id, change.delete));
  return table;
}

async function learnQuota({ options, memory, pacer }: Context): Promise<void> {
  const now = options.clock.now();
  const fresh = memory.askedAt !== undefined && now - memory.askedAt < CHECK_EVERY_MS;
  if (options.limit !== undefined || fresh) return;
  memory.askedAt = now;
  // Optional permission: without it the limit is learned from the first refusal, for an hour at a time.
  memory.limit = await pacer.read(() => options.ec2.routeQuota()).catch(() => undefined);
  memory.limitFrom = "quota";
}

async function lookAtCheck(context: Context): Promise<ReconcilerStatus["sourceDestCheck"]> {
  const { options, memory, pacer } = context;
  const { ec2, self, clock } = options;
  const fresh = memory.checkedAt !== undefined && clock.now() - memory.checkedAt < CHECK_EVERY_MS;
  if (fresh && memory.checkOff !== undefined) return memory.checkOff ? "off" : "on";
  memory.checkedAt = clock.now();
  const [eni] = await pacer.read(() => ec2.describeInterfaces([self.eni]));
  if (eni === undefined) throw new VpcRoutesError("TARGET_INVALID", `the interface ${self.eni} does not exist`);
  memory.checkOff = !eni.sourceDestCheck;
  if (memory.checkOff || options.fixSourceDestCheck !== true) return memory.checkOff ? "off" : "on";
  await pacer.write(() => ec2.setSourceDestCheck(self.eni, false));
  memory.checkOff = true;
  return "off";
}

function tableStatus({ within }: Context, table: RouteTable, members: Registry, plan: RoutePlan) {
  const ours = table.routes.filter((route) => isOurs(route, members, within));
  const has = new Map(ours.map((route) => [canonical(route.destination), members.get(route.eni as string)]));
  const missing = plan.routes.filter((route) => has.get(route.destination) !== route.peer).length;
  return { id: table.id, routes: table.routes.length, ours: ours.length, missing };
}

/** `ranges` without `native`, which are parts of them in the same order. */
function without(ranges: readonly OwnedRange[], native: readonly OwnedRange[]): OwnedRange[] {
  const left: OwnedRange[] = [];
  let at = 0;
  for (const { start, end, peer } of ranges) {
    let from = start;
    while (at < native.length && (native[at] as OwnedRange).end <= start) at++;
    for (let i = at; i < native.length && (native[i] as OwnedRange).start < end; i++) {
      const part = native[i] as OwnedRange;
      if (part.start > from) left.push({ start: from, end: part.start, peer });
      from = part.end;
    }
    if (from < end) left.push({ start: from, end, peer });
  }
  return left;
}

function pause({ options }: Context, ms: number): Promise<void> {
  return new Promise((resolve) => options.clock.after(options.random() * ms, resolve));
}

/** Whether EC2 says that the route is not there. */
export function isMissing(error: unknown): boolean {
  return error instanceof VpcRoutesError && error.code === "ROUTE_NOT_FOUND";
}
