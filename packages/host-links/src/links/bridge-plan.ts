import { checkInterfaceName, parseMac, readCidr, subnetOf } from "../address.ts";
import { LinksError } from "../errors.ts";
import { defaultPrefix } from "../names.ts";
import type { Step } from "../steps.ts";
import type { BridgeSpec } from "../types.ts";
import { checkMtu } from "./checks.ts";
import type { ObservedLink, ObservedRoute } from "./observed.ts";
import { aliasText, readAlias } from "./port-names.ts";
import { ip, removeAddresses, sysctlName } from "./words.ts";

/** The host as far as a bridge is concerned. */
export interface ObservedHost {
  readonly links: readonly ObservedLink[];
  readonly routes: readonly ObservedRoute[];
}

/**
 * What to change so that the bridge is as wanted. An existing bridge is never made anew, and its addresses are kept: the program
 * that adds an address also removes it, with `planBridgeAddressRemoval`.
 *
 * @throws LinksError LINKS_INVALID when a value cannot be used, LINKS_FOREIGN when another device or program has the name
 */
export function planBridge(actual: ObservedHost, wanted: BridgeSpec, prefix: string = defaultPrefix): Step[] {
  checkBridge(wanted);
  const { name, addresses = [] } = wanted;
  const link = findBridge(actual.links, name, prefix);
  const noRoute = wanted.subnetRoute === false ? ["noprefixroute"] : [];
  return [
    ...(link ? [] : createSteps(wanted, prefix)),
    ...(link && wanted.mac && link.mac !== wanted.mac.toLowerCase()
      ? [ip("link", "set", "dev", name, "address", wanted.mac)]
      : []),
    ...(wanted.mtu !== undefined && link?.mtu !== wanted.mtu
      ? [ip("link", "set", "dev", name, "mtu", `${wanted.mtu}`)]
      : []),
    ...(link?.up ? [] : [ip("link", "set", "dev", name, "up")]),
    ...addresses
      .filter((cidr) => !link?.addresses.includes(cidr))
      .map((cidr) => ip("address", "add", cidr, "dev", name, ...noRoute)),
    ...(wanted.subnetRoute === false ? strayRoutes(actual.routes, wanted) : []),
  ];
}

/** What removes addresses from the bridge; absent ones need nothing. */
export function planBridgeAddressRemoval(actual: ObservedHost, bridge: string, addresses: readonly string[]): Step[] {
  const link = actual.links.find((candidate) => candidate.ifname === bridge);
  return removeAddresses(
    bridge,
    addresses.filter((cidr) => link?.addresses.includes(cidr)),
  );
}

/**
 * What removes the bridge; nothing when there is none.
 *
 * @throws LinksError LINKS_FOREIGN when another device or program has the name
 */
export function planBridgeRemoval(actual: ObservedHost, bridge: string, prefix: string = defaultPrefix): Step[] {
  return findBridge(actual.links, bridge, prefix) ? [ip("link", "delete", "dev", bridge)] : [];
}

function findBridge(links: readonly ObservedLink[], name: string, prefix: string): ObservedLink | undefined {
  const link = links.find((candidate) => candidate.ifname === name);
  if (link && link.kind !== "bridge")
    throw new LinksError(
      "LINKS_FOREIGN",
      `${name} exists, but is a ${link.kind ?? "device"}, not a bridge; choose another name`,
    );
  // A bridge without an alias was made by hand, or by Weave Net.
  if (link?.alias !== undefined && !readAlias(link.alias, prefix))
    throw new LinksError("LINKS_FOREIGN", `the bridge ${name} belongs to another program; choose another name`);
  return link;
}

function createSteps({ name, mac }: BridgeSpec, prefix: string): Step[] {
  const alias = aliasText({ kind: "bridge", id: name, addresses: [] }, prefix);
  return [
    ip("link", "add", "name", name, ...(mac ? ["address", mac] : []), "type", "bridge"),
    ip("link", "set", "dev", name, "alias", alias),
    // No router advertisements; an announcement of every address when the interface comes up.
    {
      do: "sysctl",
      settings: {
        [`net.ipv6.conf.${sysctlName(name)}.accept_ra`]: "0",
        [`net.ipv4.conf.${sysctlName(name)}.arp_notify`]: "1",
      },
    },
  ];
}

/** Subnet routes that the kernel made before it was asked not to. */
function strayRoutes(routes: readonly ObservedRoute[], wanted: BridgeSpec): Step[] {
  const subnets = new Set((wanted.addresses ?? []).map(subnetOf));
  return routes
    .filter((route) => route.dev === wanted.name && route.protocol === "kernel" && subnets.has(route.to))
    .map((route) => ip("route", "delete", route.to, "dev", wanted.name, "proto", "kernel"));
}

function checkBridge({ name, mac, mtu, addresses = [] }: BridgeSpec): void {
  checkInterfaceName(name);
  checkMtu(mtu);
  if (mac !== undefined) parseMac(mac);
  for (const cidr of addresses) readCidr(cidr);
}
