import { isInterfaceName, parseCidr, subnetOf } from "./address.ts";
import { LinksError } from "./errors.ts";
import type { ObservedLink, ObservedRoute } from "./observed.ts";
import type { Step } from "./steps.ts";
import type { BridgeSpec } from "./types.ts";

/** The host as far as a bridge is concerned. */
export interface ObservedHost {
  readonly links: readonly ObservedLink[];
  readonly routes: readonly ObservedRoute[];
}

/**
 * What to change so that the bridge is as wanted. Never recreates it and never takes an address away: who adds addresses also
 * removes them, with {@link planBridgeAddressRemoval}.
 *
 * @throws LinksError LINKS_INVALID when something else has the bridge's name
 */
export function planBridge(actual: ObservedHost, wanted: BridgeSpec): Step[] {
  const { name } = wanted;
  if (!isInterfaceName(name)) throw new LinksError("LINKS_INVALID", `"${name}" is no interface name`);
  const link = actual.links.find((candidate) => candidate.ifname === name);
  if (link && link.kind !== "bridge")
    throw new LinksError("LINKS_INVALID", `${name} exists, but is a ${link.kind ?? "device"}, not a bridge`);
  const steps: Step[] = [];
  if (!link) {
    const mac = wanted.mac ? ["address", wanted.mac] : [];
    steps.push(ip("link", "add", "name", name, ...mac, "type", "bridge"), quiet(name));
  } else if (wanted.mac && link.mac !== wanted.mac.toLowerCase()) {
    steps.push(ip("link", "set", "dev", name, "address", wanted.mac));
  }
  if (wanted.mtu !== undefined && link?.mtu !== wanted.mtu)
    steps.push(ip("link", "set", "dev", name, "mtu", `${wanted.mtu}`));
  if (!link?.up) steps.push(ip("link", "set", "dev", name, "up"));
  const missing = (wanted.addresses ?? []).filter((cidr) => !link?.addresses.includes(cidr));
  for (const cidr of missing) {
    parseCidr(cidr);
    const route = wanted.subnetRoute === false ? ["noprefixroute"] : [];
    steps.push(ip("address", "add", cidr, "dev", name, ...route));
  }
  if (wanted.subnetRoute === false) steps.push(...strayRoutes(actual.routes, wanted));
  return steps;
}

/** What takes addresses off the bridge; absent ones need nothing. */
export function planBridgeAddressRemoval(actual: ObservedHost, bridge: string, addresses: readonly string[]): Step[] {
  const link = actual.links.find((candidate) => candidate.ifname === bridge);
  return addresses
    .filter((cidr) => link?.addresses.includes(cidr))
    .map((cidr) => ip("address", "delete", cidr, "dev", bridge));
}

/** Subnet routes that the kernel made before it was told not to. */
function strayRoutes(routes: readonly ObservedRoute[], wanted: BridgeSpec): Step[] {
  const subnets = new Set((wanted.addresses ?? []).map(subnetOf));
  return routes
    .filter((route) => route.dev === wanted.name && route.protocol === "kernel" && subnets.has(route.to))
    .map((route) => ip("route", "delete", route.to, "dev", wanted.name, "proto", "kernel"));
}

/** No router advertisements on what we make; an announcement of every address when the interface comes up. */
function quiet(name: string): Step {
  return {
    do: "sysctl",
    settings: {
      [`net.ipv6.conf.${sysctlName(name)}.accept_ra`]: "0",
      [`net.ipv4.conf.${sysctlName(name)}.arp_notify`]: "1",
    },
  };
}

/** sysctl(8) separates with dots, so dots of a name are written as slashes. */
export function sysctlName(ifname: string): string {
  return ifname.replaceAll(".", "/");
}

function ip(...words: string[]): Step {
  return { do: "ip", words };
}
