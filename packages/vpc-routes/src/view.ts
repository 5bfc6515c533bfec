import { type Context, toProblem } from "./context.ts";
import { VpcRoutesError } from "./errors.ts";
import type { OwnershipUpdate } from "./options.ts";
import { planRoutes, type RoutePlan } from "./plan.ts";
import type { PeerName, RouteTable } from "./ports.ts";
import { addToRegistry, type Registry, readRegistry } from "./registry.ts";
import { canonical, countRoutes, isOurs } from "./routes.ts";
import { chooseTables, routeBudget, tableOfSubnet } from "./tables.ts";

/** One view of the managed tables and who is registered in any of them. */
export interface View {
  readonly tables: RouteTable[];
  /** The one this host's subnet uses. */
  readonly own: RouteTable | undefined;
  readonly members: Registry;
}

/**
 * Reads the tables; registers this host where it is missing, then reads again, so that its entry is there before its routes.
 * Where tags have no room for the host, it makes no routes, but uses those of others. Where tags may not be written, as with
 * the role of Weave Net's documentation, the host makes its own routes all the same: they lead to its own interface, which
 * tells them from the routes of others. Other members are known by gossip then (`OwnershipUpdate.interfaces`).
 */
export async function readView(context: Context, interfaces?: ReadonlyMap<string, PeerName>): Promise<View> {
  const { memory, options } = context;
  try {
    const view = await register(context);
    memory.problems.registry = [];
    return withMembers(view, interfaces);
  } catch (error) {
    if (!(error instanceof VpcRoutesError)) throw error;
    const denied = error.code === "PERMISSION_MISSING" && error.action !== "DescribeRouteTables";
    if (!denied && error.code !== "TABLE_FULL") throw error;
    memory.problems.registry = [toProblem(context, error)];
    const self = denied ? new Map([[options.self.eni, options.self.peer]]) : new Map<string, PeerName>();
    return withMembers(withMembers(await readTables(context), interfaces), self);
  }
}

function withMembers(view: View, more: ReadonlyMap<string, PeerName> = new Map()): View {
  return more.size === 0 ? view : { ...view, members: new Map([...more, ...view.members]) };
}

async function register(context: Context): Promise<View> {
  const { options, pacer } = context;
  const { ec2, self, cluster = "default" } = options;
  for (let tries = 0; ; tries++) {
    const view = await readTables(context);
    const missing = view.tables.flatMap((table) => {
      const tag = addToRegistry(cluster, table.tags, self.eni, self.peer);
      return tag === undefined ? [] : [{ table, tag }];
    });
    if (missing.length === 0) return view;
    if (tries >= 5) throw new VpcRoutesError("UNAVAILABLE", "tags of the route table do not keep this host's entry");
    // Others may write the same tag at the same moment: a random wait lets one of the writers be last and seen.
    if (tries > 0) await pacer.sleep(options.random() * 1000 * tries);
    for (const { table, tag } of missing) await pacer.write(() => ec2.setTags(table.id, tag));
  }
}

/** Reads the tables, writes nothing. */
export async function readTables({ options, memory, pacer }: Context): Promise<View> {
  const { ec2, self, cluster = "default" } = options;
  const all = await pacer.read(() => ec2.describeRouteTables(self.vpc));
  const tables = chooseTables(all, options.tables ?? "all", self.subnet);
  if (tables.length === 0) {
    throw new VpcRoutesError("TABLE_NOT_FOUND", `no route table of ${self.vpc} matches the policy of this host`);
  }
  memory.tables = tables.map((table) => table.id);
  for (const family of [4, 6] as const) {
    const most = Math.max(...tables.map((table) => countRoutes(table.routes, family)));
    memory.seen[family] = Math.max(memory.seen[family], most);
    const limit = memory.limits[family];
    if (memory.limitFrom === "learned" && limit !== undefined) {
      memory.limits[family] = Math.max(limit, memory.seen[family]);
    }
  }
  const members = new Map(tables.flatMap((table) => [...readRegistry(cluster, table.tags)]));
  return { tables, own: tableOfSubnet(all, self.subnet), members };
}

/**
 * The routes that all hosts together should have.
 * @param who - whoever is not registered makes no route, so none is planned for it; `all`: as though everyone were
 */
export function planFor(
  context: Context,
  view: View,
  wanted: OwnershipUpdate,
  who: "registered" | "all" = "registered",
): RoutePlan {
  const { options, within } = context;
  const installed = new Map<string, PeerName>();
  for (const route of view.tables[0]?.routes ?? []) {
    const peer = isOurs(route, view.members, within) ? view.members.get(route.eni as string) : undefined;
    if (peer !== undefined) installed.set(canonical(route.destination), peer);
  }
  const registered = new Set(view.members.values());
  const isRegistered = ({ peer }: { readonly peer: PeerName }) => who === "all" || registered.has(peer);
  const { aggregate, stickiness } = options;
  return planRoutes({
    ranges: wanted.ranges.filter(isRegistered),
    within: options.within,
    budget: budgetOf(context, view, 4),
    prefixBudget: budgetOf(context, view, 6),
    installed,
    prefixes: (wanted.prefixes ?? []).filter(isRegistered),
    ...(wanted.traffic === undefined ? {} : { traffic: wanted.traffic }),
    ...(aggregate === undefined ? {} : { aggregate }),
    ...(stickiness === undefined ? {} : { stickiness }),
  });
}

/** Routes of a family that the cluster may have. */
export function budgetOf({ options, within, memory }: Context, view: View, family: 4 | 6): number {
  const limit = memory.limits[family] ?? Number.POSITIVE_INFINITY;
  return routeBudget(view.tables, view.members, within, { limit, headroom: options.headroom ?? 0, family });
}

/** Whose routes the plan's are. A peer that has no interface left will replace nothing, so its routes are nobody's. */
export function divide(
  plan: RoutePlan,
  self: PeerName,
  members: Registry,
  dead: ReadonlySet<string>,
): { readonly mine: ReadonlySet<string>; readonly theirs: ReadonlySet<string> } {
  const living = new Set([...members].flatMap(([eni, peer]) => (dead.has(eni) ? [] : [peer])));
  const of = (which: (peer: PeerName) => boolean) =>
    new Set(plan.routes.flatMap(({ destination, peer }) => (which(peer) ? [destination] : [])));
  return { mine: of((peer) => peer === self), theirs: of((peer) => peer !== self && living.has(peer)) };
}
