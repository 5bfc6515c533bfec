import type { Cidr, CidrInput } from "@weaved/ip";
import { toBlock } from "./address.ts";
import type { Route, RouteTable } from "./ports.ts";
import type { Registry } from "./registry.ts";
import { canonical, countRoutes, familyOf, holderOf, isInside, isPropagated } from "./routes.ts";

/** One change to one route table. */
export interface RouteStep {
  readonly do: "create" | "replace" | "delete";
  readonly table: string;
  readonly destination: string;
  /** The interface it will lead to; absent for `delete`. */
  readonly eni?: string;
  /** What the route led to before. */
  readonly was?: string;
  readonly why: string;
}

/** A destination that we want and somebody else holds. */
export interface RouteConflict {
  readonly table: string;
  readonly destination: string;
  readonly holder: string;
  readonly blackhole: boolean;
}

/** What one host does to one table. */
export interface TablePlan {
  /** In the order to apply: creations first, unless the table has no room for them. */
  readonly steps: readonly RouteStep[];
  readonly conflicts: readonly RouteConflict[];
}

/** What {@link planTable} decides from. */
export interface TableInput {
  readonly table: RouteTable;
  /** Interface of this host. */
  readonly self: string;
  /** Destinations that should lead to this host. */
  readonly wanted: readonly string[];
  /** Interfaces of this cluster's members, living or dead. */
  readonly members: Registry;
  /** CIDRs of the container network: nothing outside is ever touched. */
  readonly within: readonly CidrInput[];
  /**
   * Destinations that should lead to other members. Their owners replace these routes: were we to delete one, we might hit
   * the owner's new route, for DeleteRoute does not say whose.
   */
  readonly othersWant?: ReadonlySet<string>;
  /** Interfaces proven to be gone for good. */
  readonly dead?: ReadonlySet<string>;
  /** Take over black holes of unknown origin. @defaultValue false */
  readonly adoptBlackholes?: boolean;
  /** Routes the table can have of each family. @defaultValue no limit */
  readonly limits?: { readonly 4?: number; readonly 6?: number };
}

/**
 * What this host changes in a table. The rule of ownership:
 * - a route is ours when somebody created it (origin `CreateRoute`), its destination is inside the container network, and it
 *   leads to this host's interface or to one in the registry;
 * - ours and wanted: kept, or replaced when it leads to another member (dead or handed over);
 * - ours, leads here or to a proven dead member, wanted by no member: deleted;
 * - leads to another living member: left to that member;
 * - anything else is foreign: never touched, reported where it holds a wanted destination. A foreign black hole is
 *   replaced only with `adoptBlackholes`.
 */
export function planTable(input: TableInput): TablePlan {
  const { table, self, members } = input;
  const dead = input.dead ?? new Set();
  const wanted = new Set(input.wanted);
  const within = input.within.map(toBlock);
  const create: RouteStep[] = [];
  const replace: RouteStep[] = [];
  const remove: RouteStep[] = [];
  const conflicts: RouteConflict[] = [];
  // A propagated route holds nothing: a static one of the same destination may stand beside it, and wins.
  const standing = table.routes.filter((route) => !isPropagated(route));
  const there = new Map(standing.map((route) => [canonical(route.destination), route]));
  for (const destination of wanted) {
    const route = there.get(destination);
    if (route === undefined) {
      create.push({ do: "create", table: table.id, destination, eni: self, why: "owned here" });
    } else if (route.eni !== self) {
      const why = takeOver(route, input, within);
      const was = holderOf(route);
      if (why !== undefined) replace.push({ do: "replace", table: table.id, destination, eni: self, was, why });
      else conflicts.push({ table: table.id, destination, holder: was, blackhole: route.state === "blackhole" });
    }
  }
  for (const route of table.routes) {
    const destination = canonical(route.destination);
    if (wanted.has(destination) || input.othersWant?.has(destination) || !isInside(route, within)) continue;
    const here = route.eni === self;
    const gone = route.eni !== undefined && dead.has(route.eni) && (members.has(route.eni) || isAdopted(route, input));
    if (!here && !gone) continue;
    const why = here ? "no longer owned here" : "its host is gone";
    remove.push({ do: "delete", table: table.id, destination, was: holderOf(route), why });
  }
  return {
    steps: lacksRoom(input, create) ? [...remove, ...replace, ...create] : [...create, ...replace, ...remove],
    conflicts,
  };
}

/** The table as it is after a step: what planning goes on from without another read. */
export function applyStep(table: RouteTable, step: RouteStep): RouteTable {
  const rest = table.routes.filter((route) => isPropagated(route) || canonical(route.destination) !== step.destination);
  if (step.do === "delete") return { ...table, routes: rest };
  const route: Route = {
    destination: step.destination,
    state: "active",
    origin: "CreateRoute",
    ...(step.eni === undefined ? {} : { eni: step.eni }),
  };
  return { ...table, routes: [...rest, route] };
}

function lacksRoom({ table, limits }: TableInput, create: readonly RouteStep[]): boolean {
  return ([4, 6] as const).some((family) => {
    const more = create.filter((step) => familyOf(step.destination) === family).length;
    return more > 0 && countRoutes(table.routes, family) + more > (limits?.[family] ?? Number.POSITIVE_INFINITY);
  });
}

function isAdopted({ state }: Route, { adoptBlackholes }: TableInput): boolean {
  return adoptBlackholes === true && state === "blackhole";
}

function takeOver(route: Route, input: TableInput, within: readonly Cidr[]): string | undefined {
  if (!isInside(route, within)) return undefined;
  if (route.eni !== undefined && input.members.has(route.eni)) return "handed over by another member";
  return input.adoptBlackholes === true && route.state === "blackhole" ? "adopted black hole" : undefined;
}
