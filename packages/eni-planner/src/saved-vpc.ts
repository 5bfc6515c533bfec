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
    /** A default route leads to an internet gateway. Absent: not read. */
    readonly public?: boolean;
  }[];
  readonly interfaces: readonly {
    readonly id: string;
    readonly subnet: string;
    readonly status: string;
    /** Single addresses, dotted. */
    readonly addresses: readonly string[];
    /** Delegated /28 prefixes. */
    readonly prefixes: readonly string[];
    /** EC2's InterfaceType, for example "interface" or "transit_gateway". Absent: not read. */
    readonly type?: string;
  }[];
  readonly instances: readonly { readonly id: string; readonly type: string; readonly subnet: string }[];
}

/**
 * What a subnet is for. Containers go to ordinary subnets: a public one gives instances a way in, a zone outside the region's
 * (Local Zone, Wavelength Zone) has other types and prices, and one that holds only attachments of a gateway is kept small.
 */
export type SubnetRole = "ordinary" | "public" | "local zone" | "attachment";

/** One subnet of a VPC as it is. */
export interface SubnetReport extends Fragmentation {
  readonly id: string;
  readonly az: string;
  readonly role: SubnetRole;
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
      role: roleOf(subnet, here),
      usable: usableAddresses(subnet.cidr),
      available: subnet.available,
      instances: saved.instances.filter((one) => one.subnet === subnet.id).length,
      interfaces: here.length,
      unattached: here.filter((eni) => eni.status === "available").length,
    };
  });
}

/**
 * The subnets of a VPC to plan with: what is in use now, and which blocks are whole now. Only ordinary subnets count; in a
 * VPC without one, public subnets do.
 * @param include - roles to plan with. @defaultValue `ordinary`, or `public` where there is no ordinary subnet
 */
export function subnetsOf(saved: SavedVpc, include?: readonly SubnetRole[]): PlanSubnet[] {
  const report = reportVpc(saved);
  const first = report.some(({ role }) => role === "ordinary") ? "ordinary" : "public";
  const roles = include ?? [first];
  return report
    .filter(({ role }) => roles.includes(role))
    .map(({ id, cidr, az, usable, available, cleanPrefixes }) => ({
      id,
      cidr,
      az,
      used: Math.max(0, usable - available),
      cleanPrefixes,
    }));
}

/** Instances of a VPC by type and zone: where the groups of a plan are already. */
export function runningIn(saved: SavedVpc): Record<string, Record<string, number>> {
  const zones = new Map(saved.subnets.map(({ id, az }) => [id, az]));
  const running: Record<string, Record<string, number>> = {};
  for (const { type, subnet } of saved.instances) {
    const az = zones.get(subnet);
    if (az === undefined) continue;
    running[type] ??= {};
    const byZone = running[type];
    byZone[az] = (byZone[az] ?? 0) + 1;
  }
  return running;
}

/** Names such as us-west-2-lax-1a and us-east-1-wl1-bos-wlz-1; a zone of the region itself is us-west-2a. */
const OUTSIDE_ZONE = /^[a-z]{2}(?:-[a-z]+)+-\d+-.+-\d+[a-z]?$/;

function roleOf(subnet: SavedVpc["subnets"][number], interfaces: SavedVpc["interfaces"]): SubnetRole {
  if (OUTSIDE_ZONE.test(subnet.az)) return "local zone";
  if (interfaces.length > 0 && interfaces.every(({ type }) => type === "transit_gateway")) return "attachment";
  return subnet.public === true ? "public" : "ordinary";
}

/** Growth a month at most: a hundredfold. */
const MAX_PERCENT = 10_000;

/**
 * The instances of a VPC as a fleet that grows: they are there, with their addresses, so each group starts with none more.
 * @param percent - more of each type a month, rounded up
 */
export function fleetOf(saved: SavedVpc, percent: number, tasksPerInstance: number, scheme: Scheme): FleetGroup[] {
  if (!(percent >= 0 && percent <= MAX_PERCENT))
    throw new EniPlannerError("SETTING_INVALID", `growth is ${percent} %; expected 0 to ${MAX_PERCENT}`);
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

/**
 * Reads what `report --save` wrote.
 * @throws EniPlannerError `INPUT_INVALID`, which names the first field that does not fit
 */
export function parseSavedVpc(text: string): SavedVpc {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new EniPlannerError("INPUT_INVALID", `not a saved VPC: ${(cause as Error).message}`, { cause });
  }
  for (const [list, fields] of Object.entries(FIELDS)) {
    const rows = (value as Record<string, unknown> | null)?.[list];
    if (!Array.isArray(rows)) throw notSaved(`it lacks the list "${list}"`);
    for (const [at, row] of rows.entries()) {
      for (const [field, fits] of Object.entries(fields))
        if (!fits((row as Record<string, unknown> | null)?.[field]))
          throw notSaved(`"${field}" of ${list}[${at}] is missing or has the wrong type`);
    }
  }
  return value as SavedVpc;
}

const isText = (value: unknown) => typeof value === "string";
const isTexts = (value: unknown) => Array.isArray(value) && value.every(isText);
const isCount = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0;
/** The required fields of each list, with their types. */
const FIELDS: Readonly<Record<string, Readonly<Record<string, (value: unknown) => boolean>>>> = {
  subnets: { id: isText, cidr: isText, az: isText, available: isCount },
  interfaces: { id: isText, subnet: isText, status: isText, addresses: isTexts, prefixes: isTexts },
  instances: { id: isText, type: isText, subnet: isText },
};

function notSaved(reason: string): EniPlannerError {
  return new EniPlannerError("INPUT_INVALID", `not a saved VPC: ${reason}`);
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
