import type { Cidr, CidrInput } from "@weaved/ip";
import { EniPlannerError } from "./errors.ts";
import { type FleetGroup, type InstanceNeed, instanceNeed } from "./need.ts";
import { lacks, openRoom, type PlanSubnet, type Room, sharesOf, take } from "./room.ts";
import { readCidr } from "./subnet.ts";

/** What to plan. */
export interface PlanInput {
  readonly subnets: readonly PlanSubnet[];
  readonly fleet: readonly FleetGroup[];
  /** How far to look. @defaultValue 12 */
  readonly months?: number;
}

/** A subnet over time. */
export interface SubnetForecast {
  readonly id: string;
  readonly az: string;
  readonly usable: number;
  /** Addresses in use at the end of each month, from month 0 (now). */
  readonly use: readonly number[];
  /** Whole /28 blocks to expect then: fragmentation leaves fewer than the free addresses would make. */
  readonly cleanPrefixes: readonly number[];
  /** First month in which an instance found no room here; undefined: never in this plan. */
  readonly exhaustedInMonth: number | undefined;
  /** What was lacking then. */
  readonly exhausted: "addresses" | "prefixes" | undefined;
}

/** A zone of the plan, and what its loss would mean. */
export interface ZoneForecast {
  readonly az: string;
  /** Instances there, at the end of the plan. */
  readonly instances: number;
  /** Of today's fleet: instances without room, should this zone be lost. */
  readonly unplaced: number;
  /** The same for the fleet at the end of the plan. */
  readonly unplacedAtEnd: number;
}

/** The plan of a fleet in a VPC. */
export interface AddressPlan {
  readonly needs: readonly InstanceNeed[];
  readonly subnets: readonly SubnetForecast[];
  /** Instances without room, at the end of each month. */
  readonly unplaced: readonly number[];
  /** Addresses in warm pools, at the end of each month: held, without a task. */
  readonly warm: readonly number[];
  readonly loseOneAz: readonly ZoneForecast[];
  /** Groups by addresses per task, cheapest first, ties by price. */
  readonly cheapest: readonly InstanceNeed[];
}

/** Rooms, and what was put where. */
interface World {
  readonly rooms: readonly Room[];
  readonly zones: readonly string[];
  readonly placed: Map<string, number>;
  warm: number;
}

/**
 * Places a fleet, month by month: instances of a group go round the zones, in a zone to the subnet with the most free
 * addresses. No subnet is filled beyond what EC2 gives out: 2^(32-p) - 5.
 * @throws EniPlannerError `TYPE_UNKNOWN`, `SETTING_INVALID`
 */
export function planAddresses(input: PlanInput): AddressPlan {
  const { fleet, subnets, months = 12 } = input;
  const needs = fleet.map(instanceNeed);
  const world = openWorld(subnets);
  const history = world.rooms.map(() => ({ use: [] as number[], clean: [] as number[] }));
  const unplaced: number[] = [];
  const warm: number[] = [];
  let waiting = 0;
  for (let month = 0; month <= months; month++) {
    for (const [i, group] of fleet.entries()) {
      const count = month === 0 ? group.count : (group.growthPerMonth ?? 0);
      waiting += place(world, needs[i] as InstanceNeed, count, month);
    }
    unplaced.push(waiting);
    warm.push(world.warm);
    for (const [i, room] of world.rooms.entries()) {
      history[i]?.use.push(room.usable - room.free);
      history[i]?.clean.push(Math.round(room.clean * 10) / 10);
    }
  }
  return {
    needs,
    subnets: world.rooms.map(({ subnet, usable, full }, i) => ({
      id: subnet.id,
      az: subnet.az,
      usable,
      use: history[i]?.use ?? [],
      cleanPrefixes: history[i]?.clean ?? [],
      exhaustedInMonth: full?.month,
      exhausted: full?.of,
    })),
    unplaced,
    warm,
    loseOneAz: world.zones.map((az) => ({
      az,
      instances: world.placed.get(az) ?? 0,
      unplaced: withoutZone(input, needs, az, 0),
      unplacedAtEnd: withoutZone(input, needs, az, months),
    })),
    cheapest: [...needs].sort(
      (a, b) => a.addressesPerTask - b.addressesPerTask || (a.pricePerTask ?? 0) - (b.pricePerTask ?? 0),
    ),
  };
}

/**
 * The same plan with a secondary range: its blocks become subnets for pods, one a zone as long as there are some, and EKS groups
 * use custom networking.
 * @param blocks - blocks of /16, or the range itself where it is smaller, that the VPC may get
 * @throws EniPlannerError `SETTING_INVALID`
 */
export function withSecondaryRange(input: PlanInput, range: CidrInput, blocks = 4): PlanInput {
  const zones = zonesOf(input.subnets);
  const cidr = readCidr(range);
  if (cidr.family === 6 || cidr.length < 8 || cidr.length > 28) {
    throw new EniPlannerError("SETTING_INVALID", `${cidr} is not a valid range; expected an IPv4 CIDR of /8 to /28`);
  }
  const pods = cidr.blocks(Math.max(16, cidr.length));
  const added: PlanSubnet[] = [];
  for (const az of zones.slice(0, blocks)) {
    const block: Cidr | undefined = pods.next().value;
    if (block) added.push({ id: `pods-${az}`, az, cidr: block, pods: true });
  }
  const fleet = input.fleet.map((group) =>
    group.scheme.startsWith("eks") ? { ...group, customNetworking: true } : group,
  );
  return { ...input, subnets: [...input.subnets, ...added], fleet };
}

function openWorld(subnets: readonly PlanSubnet[]): World {
  return { rooms: subnets.map(openRoom), zones: zonesOf(subnets), placed: new Map(), warm: 0 };
}

/** Returns how many did not fit. */
function place(world: World, need: InstanceNeed, count: number, month: number): number {
  const { zones, placed } = world;
  let left = 0;
  for (let i = 0; i < count; i++) {
    const order = [...zones.slice(i % zones.length), ...zones.slice(0, i % zones.length)];
    const az = order.find((zone) => placeOne(world.rooms, need, zone, month));
    if (az === undefined) left++;
    else {
      placed.set(az, (placed.get(az) ?? 0) + 1);
      world.warm += need.warm;
    }
  }
  return left;
}

function placeOne(rooms: readonly Room[], need: InstanceNeed, az: string, month: number): boolean {
  const shares = sharesOf(need);
  const apart = need.podAddresses > 0;
  const host = roomiest(rooms, az, false);
  const pods = apart ? roomiest(rooms, az, true) : undefined;
  if (host === undefined || (apart && pods === undefined)) return false;
  let fits = true;
  for (const [room, share] of [[host, shares.host] as const, [pods, shares.pods] as const]) {
    const lack = room === undefined ? undefined : lacks(room, ...share);
    if (lack === undefined || room === undefined) continue;
    room.full ??= { month, of: lack };
    fits = false;
  }
  if (!fits) return false;
  take(host, ...shares.host);
  if (pods !== undefined) take(pods, ...shares.pods);
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

function withoutZone(input: PlanInput, needs: readonly InstanceNeed[], az: string, months: number): number {
  const world = openWorld(input.subnets.filter((subnet) => subnet.az !== az));
  return input.fleet.reduce((n, group, i) => {
    const count = group.count + months * (group.growthPerMonth ?? 0);
    return n + (world.rooms.length === 0 ? count : place(world, needs[i] as InstanceNeed, count, 0));
  }, 0);
}

function zonesOf(subnets: readonly PlanSubnet[]): string[] {
  return [...new Set(subnets.map((subnet) => subnet.az))].sort();
}
