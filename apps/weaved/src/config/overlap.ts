import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { Cidr } from "@weaved/ip";
import { WeavedError } from "../values/error.ts";
import type { Settings } from "./options.ts";

const run = promisify(execFile);

/** A route of this host. */
export interface HostRoute {
  /** `default`, an address, or a CIDR. */
  readonly dst: string;
  readonly dev?: string;
}

/** Ranges that no network may allocate from, with the reason. */
const impossible: readonly (readonly [cidr: string, why: string])[] = [
  ["0.0.0.0/8", "stands for this host"],
  ["127.0.0.0/8", "is loopback"],
  ["169.254.0.0/16", "is link-local"],
  ["224.0.0.0/4", "is multicast"],
  ["240.0.0.0/4", "is reserved"],
];

/**
 * Refuses a range that cannot work: one of special addresses, or one that this host already reaches elsewhere, because packets for the
 * overlapping addresses would take one of two ways. Our own bridge and the routes of VPC mode do not count.
 *
 * @throws WeavedError RANGE_OVERLAP
 */
export function refuseOverlap(settings: Settings, routes: readonly HostRoute[]): void {
  if (settings["ipalloc-range"] === "") return;
  const range = Cidr.tryParse(settings["ipalloc-range"]);
  if (!range) return;
  const [special, why] = impossible.find(([cidr]) => range.overlaps(cidr)) ?? [];
  if (special !== undefined)
    throw new WeavedError(
      "RANGE_OVERLAP",
      `--ipalloc-range=${range} overlaps ${special}, which ${why}; choose a private range such as 10.32.0.0/12`,
    );
  if (settings["allow-overlap"] || settings.awsvpc) return;
  const taken = routes.find(({ dst, dev }) => dev !== settings["weave-bridge"] && toCidr(dst)?.overlaps(range));
  if (taken)
    throw new WeavedError(
      "RANGE_OVERLAP",
      `--ipalloc-range=${range} overlaps the route ${taken.dst}${taken.dev ? ` of device ${taken.dev}` : ""} of this host; choose another range, or add --allow-overlap`,
    );
}

function toCidr(destination: string): Cidr | undefined {
  return Cidr.tryParse(destination.includes("/") ? destination : `${destination}/32`);
}

/** The IPv4 routes of this host; none where they cannot be read. */
export async function hostRoutes(): Promise<HostRoute[]> {
  try {
    const { stdout } = await run("ip", ["-j", "-4", "route", "show"]);
    return JSON.parse(stdout || "[]") as HostRoute[];
  } catch {
    return [];
  }
}
