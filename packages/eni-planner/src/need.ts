import { podCap } from "./density.ts";
import { ecsTasks } from "./ecs.ts";
import { EniPlannerError } from "./errors.ts";
import { instanceTypes, limitsOf, vcpusOf } from "./instances.ts";
import { type WarmPool, type WarmPoolSettings, warmPool } from "./warm-pool.ts";

/** How tasks get addresses. */
export type Scheme = "ecs" | "ecs-trunk" | "eks" | "eks-prefix";

/** One kind of instance in a fleet. */
export interface FleetGroup {
  readonly type: string;
  readonly count: number;
  /** More instances each month. @defaultValue 0 */
  readonly growthPerMonth?: number;
  readonly tasksPerInstance: number;
  readonly scheme: Scheme;
  /** Pods in subnets marked `pods`; the instance's own address stays in an ordinary one. @defaultValue false */
  readonly customNetworking?: boolean;
  readonly warm?: WarmPoolSettings;
  /** Any currency. */
  readonly pricePerHour?: number;
}

/** What one instance takes. */
export interface InstanceNeed {
  readonly type: string;
  readonly scheme: Scheme;
  readonly tasks: number;
  /** Tasks asked for beyond what the type holds. */
  readonly tooMany: number;
  /** In its own subnet. */
  readonly addresses: number;
  /** In the pod subnet, with custom networking. */
  readonly podAddresses: number;
  /** /28 prefixes among them: each needs an aligned, wholly free block. */
  readonly prefixes: number;
  /** Addresses held without a task: what warm pools cost. */
  readonly warm: number;
  readonly addressesPerTask: number;
  readonly pricePerTask: number | undefined;
}

/** Addresses of one instance of a group, never more than its type allows. */
export function instanceNeed(group: FleetGroup): InstanceNeed {
  const { type, scheme, tasksPerInstance: asked, pricePerHour } = group;
  const own = scheme === "ecs" || scheme === "ecs-trunk" ? ecsNeed(group) : eksNeed(group);
  const each = Math.max(1, own.tasks);
  return {
    type,
    scheme,
    ...own,
    tooMany: asked - own.tasks,
    addressesPerTask: (own.addresses + own.podAddresses) / each,
    pricePerTask: pricePerHour === undefined ? undefined : pricePerHour / each,
  };
}

/** The warm pool of a group's instance with so many pods. The primary interface gives none with custom networking. */
export function poolOf(group: FleetGroup, pods: number): WarmPool {
  const limits = limitsOf(group.type);
  const podLimits = group.customNetworking === true ? { ...limits, enis: limits.enis - 1 } : limits;
  return warmPool(podLimits, pods, { ...group.warm, prefixDelegation: group.scheme === "eks-prefix" });
}

type Own = Pick<InstanceNeed, "tasks" | "addresses" | "podAddresses" | "prefixes" | "warm">;

function ecsNeed({ type, scheme, tasksPerInstance }: FleetGroup): Own {
  const { plain, trunked } = ecsTasks(limitsOf(type));
  const most = scheme === "ecs" ? plain : trunked;
  if (typeof most !== "number") throw new EniPlannerError("SETTING_INVALID", trunkProblem(type, most));
  const tasks = Math.min(tasksPerInstance, most);
  // The primary interface, and the trunk, take an address each.
  return { tasks, addresses: tasks + (scheme === "ecs" ? 1 : 2), podAddresses: 0, prefixes: 0, warm: 0 };
}

function trunkProblem(type: string, trunked: null | "unknown"): string {
  if (trunked === null) return `${type} cannot trunk with ECS`;
  return `whether ${type} can trunk with ECS is not known; refresh the table, or plan it without trunking`;
}

function eksNeed(group: FleetGroup): Own {
  const most = Math.min(group.tasksPerInstance, podCap(vcpusOf(group.type)));
  const pool = poolOf(group, most);
  const rest = { tasks: most - pool.pending, prefixes: pool.prefixes, warm: pool.unusedIps };
  return group.customNetworking === true
    ? { ...rest, addresses: 1, podAddresses: pool.subnetAddresses }
    : { ...rest, addresses: pool.subnetAddresses, podAddresses: 0 };
}

/** What to compare types for. */
export interface CheapestInput {
  readonly scheme: Scheme;
  /** Tasks to run in all. @defaultValue one full instance's */
  readonly tasks?: number;
  /** Price of an hour by type, any currency. Types without one come after those with one. */
  readonly prices?: Readonly<Record<string, number>>;
  /** @defaultValue every type of the table that can do the scheme */
  readonly types?: readonly string[];
  readonly warm?: WarmPoolSettings;
}

/** A type that could run the tasks. */
export interface CheapType extends InstanceNeed {
  readonly instances: number;
  readonly totalAddresses: number;
  readonly totalPrice: number | undefined;
}

/** More than any type holds. */
const FULL = 1000;

/**
 * Types by addresses for each task, cheapest first, ties by price, then name. Instances are full, save the last.
 * @throws EniPlannerError `TYPE_UNKNOWN`, `SETTING_INVALID`
 */
export function cheapestTypes({ scheme, tasks, prices = {}, types, warm }: CheapestInput): CheapType[] {
  const found: CheapType[] = [];
  for (const type of types ?? instanceTypes().keys()) {
    if (!canDo(type, scheme)) continue;
    const pricePerHour = prices[type];
    const base = { type, count: 1, tasksPerInstance: FULL, scheme, ...(warm === undefined ? {} : { warm }) };
    const need = instanceNeed(pricePerHour === undefined ? base : { ...base, pricePerHour });
    if (need.tasks === 0) continue;
    const instances = Math.ceil((tasks ?? need.tasks) / need.tasks);
    const totalPrice = pricePerHour === undefined ? undefined : instances * pricePerHour;
    const totalAddresses = instances * (need.addresses + need.podAddresses);
    found.push({ ...need, tooMany: 0, instances, totalAddresses, totalPrice });
  }
  const price = (one: CheapType) => one.totalPrice ?? Number.POSITIVE_INFINITY;
  const perTask = (one: CheapType) => one.totalAddresses / (tasks ?? one.tasks);
  const order = (a: CheapType, b: CheapType) => {
    if (perTask(a) !== perTask(b)) return perTask(a) - perTask(b);
    if (price(a) !== price(b)) return price(a) < price(b) ? -1 : 1;
    return a.type < b.type ? -1 : 1;
  };
  return found.sort(order);
}

function canDo(type: string, scheme: Scheme): boolean {
  const limits = limitsOf(type);
  if (scheme === "ecs-trunk") return typeof ecsTasks(limits).trunked === "number";
  return scheme !== "eks-prefix" || limits.kind === "nitro" || limits.kind === "metal";
}
