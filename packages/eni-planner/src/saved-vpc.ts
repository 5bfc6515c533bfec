import { Ip } from "@weaved/ip";
import { EniPlannerError } from "./errors.ts";
import { type Fragmentation, measureFragmentation } from "./fragmentation.ts";
import type { FleetGroup, Scheme } from "./need.ts";
import type { PlanSubnet } from "./room.ts";
import { prefixSize, usableAddresses } from "./subnet.ts";

/** A VPC as read from EC2 or from a file. */
export interface SavedVpc {
  readonly vpc: string;
  readonly subnets: readonly {
    readonly id: string;
    readonly cidr: string;
    readonly az: string;
    /** EC2's AvailableIpAddressCount. */
    readonly available: number;
  }[];
  readonly interfaces: readonly {
    readonly id: string;
    readonly subnet: string;
    readonly status: string;
    /** Single addresses, dotted. */
    readonly addresses: readonly string[];
    /** Delegated /28 prefixes. */
    readonly prefixes: readonly string[];
  }[];
  readonly instances: readonly { readonly id: string; readonly type: string; readonly subnet: string }[];
}

/** One subnet of a VPC as it is. */
export interface SubnetReport extends Fragmentation {
  readonly id: string;
  readonly az: string;
  readonly usable: number;
  /** What EC2 says is free; `free` is what the interfaces leave, more where services hide theirs. */
  readonly available: number;
  readonly instances: number;
  readonly interfaces: number;
  /** Interfaces attached to nothing: leaked, or warm. */
  readonly unattached: number;
}

/** Use and fragmentation of every subnet. */
export function reportVpc(saved: SavedVpc): SubnetReport[] {
  return saved.subnets.map((subnet) => {
    const here = saved.interfaces.filter((eni) => eni.subnet === subnet.id);
    const used = here.flatMap((eni) => [
      ...eni.addresses.map((address) => readIp(address).toNumber()),
      ...eni.prefixes.flatMap((prefix) => {
        const start = readIp(prefix.slice(0, prefix.indexOf("/"))).toNumber();
        return Array.from({ length: prefixSize }, (_, i) => start + i);
      }),
    ]);
    return {
      ...measureFragmentation(subnet.cidr, used),
      id: subnet.id,
      az: subnet.az,
      usable: usableAddresses(subnet.cidr),
      available: subnet.available,
      instances: saved.instances.filter((one) => one.subnet === subnet.id).length,
      interfaces: here.length,
      unattached: here.filter((eni) => eni.status === "available").length,
    };
  });
}

/** The subnets of a VPC to plan with: what is in use now, which blocks are whole now. */
export function subnetsOf(saved: SavedVpc): PlanSubnet[] {
  return reportVpc(saved).map(({ id, cidr, az, usable, available, cleanPrefixes }) => ({
    id,
    cidr,
    az,
    used: Math.max(0, usable - available),
    cleanPrefixes,
  }));
}

/**
 * The instances of a VPC as a fleet that grows: they are there, with their addresses, so each group starts with none more.
 * @param percent - more of each type a month, rounded up
 */
export function fleetOf(saved: SavedVpc, percent: number, tasksPerInstance: number, scheme: Scheme): FleetGroup[] {
  const counts = new Map<string, number>();
  for (const { type } of saved.instances) counts.set(type, (counts.get(type) ?? 0) + 1);
  return [...counts].map(([type, count]) => ({
    type,
    count: 0,
    growthPerMonth: Math.ceil((count * percent) / 100),
    tasksPerInstance,
    scheme,
  }));
}

/** @throws EniPlannerError `INPUT_INVALID` */
export function parseSavedVpc(text: string): SavedVpc {
  try {
    const value = JSON.parse(text) as SavedVpc;
    if (!Array.isArray(value.subnets) || !Array.isArray(value.interfaces) || !Array.isArray(value.instances)) {
      throw new Error("it lacks subnets, interfaces, or instances");
    }
    return value;
  } catch (cause) {
    throw new EniPlannerError("INPUT_INVALID", `not a saved VPC: ${(cause as Error).message}`, { cause });
  }
}

/** An address of a saved VPC: a malformed one must not be counted as another. */
function readIp(text: string): Ip {
  const ip = Ip.tryParse(text);
  if (ip?.family === 4) return ip;
  throw new EniPlannerError(
    "INPUT_INVALID",
    `the saved VPC has ${JSON.stringify(text)}, which is not a valid IPv4 address`,
  );
}
