import type { CidrInput } from "@weaved/ip";
import { EniPlannerError } from "./errors.ts";
import type { InstanceNeed } from "./need.ts";
import { prefixSize, usableAddresses, usablePrefixes } from "./subnet.ts";

/** A subnet to plan with. */
export interface PlanSubnet {
  readonly id: string;
  readonly cidr: CidrInput;
  readonly az: string;
  /** Addresses in use by others. @defaultValue 0 */
  readonly used?: number;
  /** Whole /28 blocks still free, as measured. @defaultValue what is to be expected with `used` at random */
  readonly cleanPrefixes?: number;
  /** For pods with custom networking, such as in a secondary range. @defaultValue false */
  readonly pods?: boolean;
}

/**
 * A subnet while it fills. EC2 puts single addresses anywhere, so each may spoil a /28: how many are still clean is an expected
 * value.
 */
export interface Room {
  readonly subnet: PlanSubnet;
  readonly usable: number;
  free: number;
  clean: number;
  /** When an instance first found no room, and what was lacking. */
  full?: { readonly month: number; readonly of: "addresses" | "prefixes" };
}

/** @throws EniPlannerError `SETTING_INVALID` */
export function openRoom(subnet: PlanSubnet): Room {
  const usable = usableAddresses(subnet.cidr);
  const { used = 0, cleanPrefixes } = subnet;
  if (used > usable)
    throw new EniPlannerError("SETTING_INVALID", `${subnet.id} has more addresses in use than it can have`);
  const expected = usablePrefixes(subnet.cidr) * cleanShare(usable, used);
  const free = usable - used;
  return { subnet, usable, free, clean: Math.min(cleanPrefixes ?? expected, free / prefixSize) };
}

/** The chance that a /28 is hit by none of `singles` random addresses out of `among`: C(N-16, n) / C(N, n). */
export function cleanShare(among: number, singles: number): number {
  if (singles > among - prefixSize) return 0;
  let share = 1;
  for (let i = 0; i < prefixSize; i++) share *= (among - singles - i) / (among - i);
  return share;
}

/** What a subnet lacks for one more instance. */
export function lacks(room: Room, addresses: number, prefixes: number): "addresses" | "prefixes" | undefined {
  if (room.free < addresses) return "addresses";
  // Half a block of tolerance, for an expected value is rarely whole.
  return prefixes > 0 && room.clean < prefixes - 0.5 ? "prefixes" : undefined;
}

/** Takes addresses: prefixes are whole blocks, the rest are single ones that spoil others. */
export function take(room: Room, addresses: number, prefixes: number): void {
  const singles = addresses - prefixes * prefixSize;
  room.free -= prefixes * prefixSize;
  room.clean = Math.max(0, room.clean - prefixes) * cleanShare(room.free, singles);
  room.free -= singles;
}

/** What an instance takes where: its own subnet, the pods'. Prefixes are where the pods are. */
export function sharesOf(need: InstanceNeed): {
  readonly host: readonly [number, number];
  readonly pods: readonly [number, number];
} {
  const apart = need.podAddresses > 0;
  return {
    host: [need.addresses, apart ? 0 : need.prefixes],
    pods: [need.podAddresses, apart ? need.prefixes : 0],
  };
}
