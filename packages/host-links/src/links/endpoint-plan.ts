import { checkInterfaceName, parseMac, readCidr } from "../address.ts";
import { LinksError } from "../errors.ts";
import { defaultPrefix } from "../names.ts";
import type { Step } from "../steps.ts";
import type { EndpointSpec } from "../types.ts";
import { checkMtu } from "./checks.ts";
import type { ObservedLink } from "./observed.ts";
import { aliasText, endpointNames, readAlias } from "./port-names.ts";
import { ip } from "./words.ts";

/**
 * A pair for an engine that moves the inner end into its container and gives it its addresses by itself. The alias of the host
 * end keeps the addresses, so that anti-spoofing knows them after a restart.
 *
 * @throws LinksError LINKS_INVALID
 */
export function planEndpoint(wanted: EndpointSpec, prefix: string = defaultPrefix): Step[] {
  checkEndpoint(wanted);
  const { host, inner } = endpointNames(wanted.id);
  const mtu = wanted.mtu === undefined ? [] : ["mtu", `${wanted.mtu}`];
  const mac = wanted.mac === undefined ? [] : ["address", wanted.mac];
  const alias = aliasText({ kind: "endpoint", id: wanted.id, addresses: wanted.addresses }, prefix);
  return [
    ip("link", "add", host, ...mtu, "type", "veth", "peer", "name", inner, ...mtu, ...mac),
    ip("link", "set", "dev", host, "alias", alias),
    ip("link", "set", "dev", host, "master", wanted.bridge),
    ip("link", "set", "dev", host, "up"),
  ];
}

/** Plugs endpoints back in that fell off the bridge, as when the bridge was made anew. */
export function planEndpointRepair(ports: readonly ObservedLink[], bridge: string, prefix: string): Step[] {
  return ports
    .filter((port) => isEndpoint(port, prefix) && (port.master !== bridge || !port.up))
    .flatMap(({ ifname }) => [
      ip("link", "set", "dev", ifname, "master", bridge),
      ip("link", "set", "dev", ifname, "up"),
    ]);
}

/** Whether a port is an endpoint's: by its alias, or by its name where a version before aliases made it. */
export function isEndpoint(port: ObservedLink, prefix: string): boolean {
  const nameless =
    port.alias === undefined && prefix === defaultPrefix && port.ifname.startsWith(endpointNames("").host);
  return nameless || readAlias(port.alias, prefix)?.kind === "endpoint";
}

function checkEndpoint({ id, bridge, mac, mtu, addresses }: EndpointSpec): void {
  if (!/^[0-9A-Za-z]{9,128}$/.test(id))
    throw new LinksError("LINKS_INVALID", `"${id}" is not a valid endpoint id; expected 9 to 128 letters or digits`);
  checkInterfaceName(bridge);
  checkMtu(mtu);
  if (mac !== undefined) parseMac(mac);
  for (const cidr of addresses) readCidr(cidr);
}
