import { EniPlannerError } from "./errors.ts";
import { type FleetGroup, type InstanceNeed, instanceNeed } from "./need.ts";
import { lacks, openRoom, type PlanSubnet, type Room, sharesOf, take } from "./room.ts";

/** Rooms, and the instances that were placed in each zone. */
export interface World {
  readonly rooms: readonly Room[];
  readonly zones: readonly string[];
  readonly placed: Map<string, number>;
  warm: number;
}

/** A group, what one of its instances needs, and how many of its instances each zone has. */
export interface Placement {
  readonly group: FleetGroup;
  readonly need: InstanceNeed;
  /** Bounded by: zones of the plan and of the running instances. */
  readonly byZone: Map<string, number>;
}

/** A group that is not in the plan. */
export interface LeftOut {
  readonly type: string;
  /** Instances at the start. */
  readonly count: number;
  readonly reason: string;
}

/** Empty rooms, but for what others use. */
export function openWorld(subnets: readonly PlanSubnet[]): World {
  return { rooms: subnets.map(openRoom), zones: zonesOf(subnets), placed: new Map(), warm: 0 };
}

/** The groups that can be planned, and the others with the reason. */
export function openPlacements(input: {
  readonly fleet: readonly FleetGroup[];
  readonly running?: Readonly<Record<string, Readonly<Record<string, number>>>> | undefined;
}): { placements: Placement[]; leftOut: LeftOut[] } {
  const placements: Placement[] = [];
  const leftOut: LeftOut[] = [];
  for (const group of input.fleet) {
    const { type, count } = group;
    try {
      const byZone = new Map(Object.entries(input.running?.[type] ?? {}));
      placements.push({ group, need: instanceNeed(group), byZone });
    } catch (error) {
      if (!(error instanceof EniPlannerError)) throw error;
      leftOut.push({ type, count, reason: error.message });
    }
  }
  return { placements, leftOut };
}

/** Places instances of a group; returns how many did not fit. */
export function place(world: World, { need, byZone }: Placement, count: number, month: number): number {
  const instances = (zone: string) => byZone.get(zone) ?? 0;
  for (let done = 0; done < count; done++) {
    // The sort is stable, so that zones with equal counts take turns by name.
    const order = [...world.zones].sort((a, b) => instances(a) - instances(b));
    const zone = order.find((az) => placeOne(world.rooms, need, az, month));
    // Rooms only fill up, so an instance of the same kind finds no place later either.
    if (zone === undefined) return count - done;
    byZone.set(zone, instances(zone) + 1);
    world.placed.set(zone, (world.placed.get(zone) ?? 0) + 1);
    world.warm += need.warm;
  }
  return 0;
}

/** The zones of subnets, sorted. */
export function zonesOf(subnets: readonly PlanSubnet[]): string[] {
  return [...new Set(subnets.map((subnet) => subnet.az))].sort();
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
