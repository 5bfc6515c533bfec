import type { CidrInput } from "@weaved/ip";
import { checkFleet, checkMonths } from "./check.ts";
import type { FleetGroup, InstanceNeed } from "./need.ts";
import { type LeftOut, openPlacements, openWorld, place, zonesOf } from "./placement.ts";
import type { PlanSubnet } from "./room.ts";
import { secondaryRange } from "./subnet.ts";

/** What to plan. */
export interface PlanInput {
  readonly subnets: readonly PlanSubnet[];
  readonly fleet: readonly FleetGroup[];
  /** How far to look. @defaultValue 12 */
  readonly months?: number;
  /** Instances that run already, by type and zone. A group grows where it has the fewest. @defaultValue none */
  readonly running?: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** CIDR blocks of the VPC, for the rules about further ones. @defaultValue the CIDRs of the subnets */
  readonly vpcCidrs?: readonly CidrInput[];
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
  /** Groups whose type the table does not know, or which cannot do their scheme. */
  readonly leftOut: readonly LeftOut[];
}

/**
 * Places a fleet, month by month: a group's next instance goes to the zone where the group has the fewest, as Auto Scaling
 * does, and there to the subnet with the most free addresses. No subnet is filled beyond what EC2 gives out: 2^(32-p) - 5.
 * @throws EniPlannerError `SETTING_INVALID`
 */
export function planAddresses(input: PlanInput): AddressPlan {
  const { subnets, months = 12 } = input;
  checkFleet(input.fleet, months);
  checkMonths(months);
  const { placements, leftOut } = openPlacements(input);
  const needs = placements.map(({ need }) => need);
  const world = openWorld(subnets);
  const history = world.rooms.map(() => ({ use: [] as number[], clean: [] as number[] }));
  const unplaced: number[] = [];
  const warm: number[] = [];
  let waiting = 0;
  for (let month = 0; month <= months; month++) {
    for (const placement of placements) {
      const { count, growthPerMonth = 0 } = placement.group;
      waiting += place(world, placement, month === 0 ? count : growthPerMonth, month);
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
      unplaced: withoutZone(input, az, 0),
      unplacedAtEnd: withoutZone(input, az, months),
    })),
    cheapest: [...needs].sort(
      (a, b) => a.addressesPerTask - b.addressesPerTask || (a.pricePerTask ?? 0) - (b.pricePerTask ?? 0),
    ),
    leftOut,
  };
}

/**
 * The same plan with a secondary range: its blocks become subnets for pods, one a zone as long as there are some, and EKS groups
 * use custom networking.
 * @param blocks - blocks of /16, or the range itself where it is smaller, that the VPC may get
 * @throws EniPlannerError `SETTING_INVALID`, also for a range that AWS refuses to associate with the VPC
 */
export function withSecondaryRange(input: PlanInput, range: CidrInput, blocks = 4): PlanInput {
  const zones = zonesOf(input.subnets);
  const existing = input.vpcCidrs ?? input.subnets.map(({ cidr }) => cidr);
  const pods = secondaryRange(range, Math.min(blocks, zones.length), existing).blockCidrs;
  const added = pods.map(
    (cidr, i): PlanSubnet => ({ id: `pods-${zones[i]}`, az: zones[i] as string, cidr, pods: true }),
  );
  const fleet = input.fleet.map((group) =>
    group.scheme.startsWith("eks") ? { ...group, customNetworking: true } : group,
  );
  return { ...input, subnets: [...input.subnets, ...added], fleet };
}

/** Instances without room if the fleet had to live without a zone. */
function withoutZone(input: PlanInput, az: string, months: number): number {
  const world = openWorld(input.subnets.filter((subnet) => subnet.az !== az));
  return openPlacements({ fleet: input.fleet }).placements.reduce((unplaced, placement) => {
    const { count, growthPerMonth = 0 } = placement.group;
    return unplaced + place(world, placement, count + months * growthPerMonth, 0);
  }, 0);
}
