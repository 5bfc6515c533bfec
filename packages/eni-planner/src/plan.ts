import { podCap } from "./density.ts";
import { ecsTasks } from "./ecs.ts";
import { EniPlannerError } from "./errors.ts";
import { limitsOf, vcpusOf } from "./instances.ts";
import { usableAddresses } from "./subnet.ts";
import { type WarmPoolSettings, warmPool } from "./warm-pool.ts";

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

/** A subnet to plan with. */
export interface PlanSubnet {
  readonly id: string;
  readonly cidr: string;
  readonly az: string;
  /** Addresses in use by others. @defaultValue 0 */
  readonly used?: number;
  /** For pods with custom networking, such as in a secondary range. @defaultValue false */
  readonly pods?: boolean;
}

/** What to plan. */
export interface PlanInput {
  readonly subnets: readonly PlanSubnet[];
  readonly fleet: readonly FleetGroup[];
  /** How far to look. @defaultValue 12 */
  readonly months?: number;
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
  readonly addressesPerTask: number;
  readonly pricePerTask: number | undefined;
}

/** A subnet over time. */
export interface SubnetForecast {
  readonly id: string;
  readonly az: string;
  readonly usable: number;
  /** Addresses in use at the end of each month, from month 0 (now). */
  readonly use: readonly number[];
  /** First month in which an instance found no room here; undefined: never in this plan. */
  readonly exhaustedInMonth: number | undefined;
}

/** The plan of a fleet in a VPC. */
export interface AddressPlan {
  readonly needs: readonly InstanceNeed[];
  readonly subnets: readonly SubnetForecast[];
  /** Instances without room, at the end of each month. */
  readonly unplaced: readonly number[];
  /** For each zone: instances of today without room if that zone is lost. */
  readonly loseOneAz: readonly { readonly az: string; readonly unplaced: number }[];
  /** Types by addresses per task, cheapest first. */
  readonly cheapest: readonly InstanceNeed[];
}

interface Room {
  readonly subnet: PlanSubnet;
  free: number;
  full: number | undefined;
  readonly use: number[];
}

/** Addresses of one instance of a group, never more than its type allows. */
export function instanceNeed(group: FleetGroup): InstanceNeed {
  const limits = limitsOf(group.type);
  const { scheme, tasksPerInstance: asked } = group;
  const done = (tasks: number, addresses: number, podAddresses: number): InstanceNeed => ({
    type: group.type,
    scheme,
    tasks,
    tooMany: asked - tasks,
    addresses,
    podAddresses,
    addressesPerTask: (addresses + podAddresses) / Math.max(1, tasks),
    pricePerTask: group.pricePerHour === undefined ? undefined : group.pricePerHour / Math.max(1, tasks),
  });
  if (scheme === "ecs" || scheme === "ecs-trunk") {
    const { plain, trunked } = ecsTasks(limits);
    if (scheme === "ecs-trunk" && trunked === null) {
      throw new EniPlannerError("SETTING_INVALID", `${group.type} cannot trunk with ECS`);
    }
    const tasks = Math.min(asked, scheme === "ecs" ? plain : (trunked ?? 0));
    // The primary interface, and the trunk, take an address each.
    return done(tasks, tasks + (scheme === "ecs" ? 1 : 2), 0);
  }
  const custom = group.customNetworking === true;
  // The primary interface gives no pod addresses: the rest is a node with one interface fewer.
  const podLimits = custom ? { ...limits, enis: limits.enis - 1 } : limits;
  const most = Math.min(asked, podCap(vcpusOf(group.type)));
  const pool = warmPool(podLimits, most, { ...group.warm, prefixDelegation: scheme === "eks-prefix" });
  const tasks = most - pool.pending;
  return custom ? done(tasks, 1, pool.subnetAddresses) : done(tasks, pool.subnetAddresses, 0);
}

/**
 * Places a fleet, month by month: instances of a group go round the zones, in a zone to the subnet with the most free
 * addresses. No subnet is filled beyond what EC2 gives out: 2^(32-p) - 5.
 * @throws EniPlannerError `TYPE_UNKNOWN`, `SETTING_INVALID`
 */
export function planAddresses(input: PlanInput): AddressPlan {
  const months = input.months ?? 12;
  const needs = input.fleet.map(instanceNeed);
  const rooms = openRooms(input.subnets);
  const unplaced: number[] = [];
  let waiting = 0;
  for (let month = 0; month <= months; month++) {
    for (const [i, group] of input.fleet.entries()) {
      const count = month === 0 ? group.count : (group.growthPerMonth ?? 0);
      waiting += place(rooms, needs[i] as InstanceNeed, count, month);
    }
    unplaced.push(waiting);
    for (const room of rooms) room.use.push(usableAddresses(room.subnet.cidr) - room.free);
  }
  return {
    needs,
    subnets: rooms.map(({ subnet, full, use }) => ({
      id: subnet.id,
      az: subnet.az,
      usable: usableAddresses(subnet.cidr),
      use,
      exhaustedInMonth: full,
    })),
    unplaced,
    loseOneAz: zonesOf(input.subnets).map((az) => ({ az, unplaced: withoutZone(input, needs, az) })),
    cheapest: [...needs].sort(
      (a, b) => a.addressesPerTask - b.addressesPerTask || (a.pricePerTask ?? 0) - (b.pricePerTask ?? 0),
    ),
  };
}

function openRooms(subnets: readonly PlanSubnet[]): Room[] {
  return subnets.map((subnet) => {
    const free = usableAddresses(subnet.cidr) - (subnet.used ?? 0);
    if (free < 0)
      throw new EniPlannerError("SETTING_INVALID", `${subnet.id} has more addresses in use than it can have`);
    return { subnet, free, full: undefined, use: [] };
  });
}

/** Returns how many did not fit. */
function place(rooms: readonly Room[], need: InstanceNeed, count: number, month: number): number {
  const zones = zonesOf(rooms.map((room) => room.subnet));
  let left = 0;
  for (let i = 0; i < count; i++) {
    const order = [...zones.slice(i % zones.length), ...zones.slice(0, i % zones.length)];
    if (!order.some((az) => placeOne(rooms, need, az, month))) left++;
  }
  return left;
}

function placeOne(rooms: readonly Room[], need: InstanceNeed, az: string, month: number): boolean {
  const host = roomiest(rooms, az, false);
  const pods = need.podAddresses === 0 ? undefined : roomiest(rooms, az, true);
  const tight = [
    ...(host !== undefined && host.free < need.addresses ? [host] : []),
    ...(pods !== undefined && pods.free < need.podAddresses ? [pods] : []),
  ];
  for (const room of tight) room.full ??= month;
  if (host === undefined || tight.length > 0 || (need.podAddresses > 0 && pods === undefined)) return false;
  host.free -= need.addresses;
  if (pods !== undefined) pods.free -= need.podAddresses;
  return true;
}

function roomiest(rooms: readonly Room[], az: string, pods: boolean): Room | undefined {
  let best: Room | undefined;
  for (const room of rooms) {
    if (room.subnet.az !== az || (room.subnet.pods === true) !== pods) continue;
    if (best === undefined || room.free > best.free) best = room;
  }
  return best;
}

function withoutZone(input: PlanInput, needs: readonly InstanceNeed[], az: string): number {
  const rooms = openRooms(input.subnets.filter((subnet) => subnet.az !== az));
  if (rooms.length === 0) return input.fleet.reduce((n, group) => n + group.count, 0);
  return input.fleet.reduce((n, group, i) => n + place(rooms, needs[i] as InstanceNeed, group.count, 0), 0);
}

function zonesOf(subnets: readonly PlanSubnet[]): string[] {
  return [...new Set(subnets.map((subnet) => subnet.az))].sort();
}
