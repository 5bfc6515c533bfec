import { checkInterfaceName, readCidr } from "../address.ts";
import type { Step } from "../steps.ts";
import type { RoutingSpec } from "../types.ts";
import type { ObservedRoute } from "./observed.ts";
import { ip, sysctlName } from "./words.ts";

/** Routes of ours carry this protocol number, so that a new process finds those of an earlier one. Not assigned by iproute2. */
export const routeProtocol = "87";

/**
 * What to change so that exactly these subnets are routed over the bridge by us. New routes come first, so that no address is
 * without a route in between.
 *
 * @throws LinksError LINKS_INVALID
 */
export function planBridgeRoutes(actual: readonly ObservedRoute[], bridge: string, wanted: readonly string[]): Step[] {
  checkInterfaceName(bridge);
  for (const cidr of wanted) readCidr(cidr);
  const ours = actual.filter((route) => route.dev === bridge && route.protocol === routeProtocol).map(({ to }) => to);
  const tail = ["dev", bridge, "scope", "link", "proto", routeProtocol];
  return [
    ...wanted.filter((cidr) => !ours.includes(listed(cidr))).map((cidr) => ip("route", "replace", cidr, ...tail)),
    ...ours
      .filter((to) => !wanted.map(listed).includes(to))
      .map((to) => ip("route", "delete", to, "dev", bridge, "proto", routeProtocol)),
  ];
}

/** `ip` lists a route to one host without its length. */
function listed(cidr: string): string {
  return cidr.replace(/\/32$/, "");
}

/**
 * Settings for a bridge whose subnet lies mostly behind a router: the bridge answers ARP for addresses elsewhere, without the
 * usual random delay. A packet may come in by the uplink whose reply goes out by the bridge, so the uplink's reverse path
 * filter is loose.
 */
export function planRouting({ bridge, uplink }: RoutingSpec): Step {
  checkInterfaceName(bridge);
  if (uplink !== undefined) checkInterfaceName(uplink);
  return {
    do: "sysctl",
    settings: {
      [`net.ipv4.conf.${sysctlName(bridge)}.proxy_arp`]: "1",
      [`net.ipv4.neigh.${sysctlName(bridge)}.proxy_delay`]: "0",
      "net.ipv4.ip_forward": "1",
      ...(uplink === undefined ? {} : { [`net.ipv4.conf.${sysctlName(uplink)}.rp_filter`]: "2" }),
    },
  };
}
