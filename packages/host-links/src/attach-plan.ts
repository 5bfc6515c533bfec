import { isInterfaceName, macOfAddress, parseCidr, subnetOf } from "./address.ts";
import { sysctlName } from "./bridge-plan.ts";
import { LinksError } from "./errors.ts";
import type { ObservedLink, ObservedRoute } from "./observed.ts";
import type { Step } from "./steps.ts";
import type { AttachmentSpec } from "./types.ts";

/** Name of the interface inside a namespace, as the original calls it. */
export const containerIfname = "ethwe";
/** What the kernel keeps with a host end, so that it is found again without a state file. */
export const aliasPrefix = "weave:";

/** Both ends as they are; `undefined` where there is none. */
export interface ObservedAttachment {
  /** The host end, by name. */
  readonly port: ObservedLink | undefined;
  /** The interface in the namespace. */
  readonly inner: ObservedLink | undefined;
  readonly routes: readonly ObservedRoute[];
}

/** Name of the host end: `vethwepl` as the original's, seven characters from the owner's id and the inner name. */
export function portName(id: string, ifname: string = containerIfname): string {
  // FNV-1a, 32 bits: names must only be short, stable, and distinct on one host.
  let hash = 0x811c9dc5;
  for (const char of ifname === containerIfname ? id : `${id} ${ifname}`) {
    hash = Math.imul(hash ^ char.codePointAt(0)!, 0x01000193) >>> 0;
  }
  return `vethwepl${hash.toString(36).padStart(7, "0").slice(-7)}`;
}

/**
 * What to change so that the namespace at `netns` (a path) is plugged in as wanted. Order matters: settings and rules come
 * before the inner end goes up, without which the host end has no carrier; the multicast route comes last, because programs
 * that wait for the network look for it.
 *
 * @throws LinksError LINKS_INVALID when an address, route, or name cannot be used
 */
export function planAttach(actual: ObservedAttachment, wanted: AttachmentSpec, netns: string): Step[] {
  const ifname = wanted.ifname ?? containerIfname;
  check(wanted, ifname);
  const port = portName(wanted.id, ifname);
  const mac = (wanted.mac ?? (wanted.addresses[0] && macOfAddress(wanted.addresses[0])))?.toLowerCase();
  // One end without the other is left from an attempt that was cut off; veth ends die together.
  const whole = actual.inner !== undefined && actual.port !== undefined;
  const inner = whole ? actual.inner : undefined;
  const steps: Step[] = [];
  if (!whole && actual.port) steps.push(ip("link", "delete", "dev", port));
  if (!whole && actual.inner) steps.push(within(netns, "link", "delete", "dev", ifname));
  if (!inner) {
    const mtu = wanted.mtu === undefined ? [] : ["mtu", `${wanted.mtu}`];
    const address = mac === undefined ? [] : ["address", mac];
    steps.push(
      ip("link", "add", port, ...mtu, "type", "veth", "peer", "name", ifname, "netns", netns, ...mtu, ...address),
      ip("link", "set", "dev", port, "alias", `${aliasPrefix}${wanted.id}`),
    );
  }
  steps.push(...portSteps(whole ? actual.port : undefined, wanted, port));
  if (!inner) {
    steps.push(
      { do: "sysctl", settings: { [`net.ipv6.conf.${sysctlName(port)}.accept_ra`]: "0" } },
      { do: "sysctl", netns, settings: innerSysctls(ifname) },
    );
  }
  if (wanted.txChecksum === false && !inner) steps.push({ do: "ethtool", netns, words: ["-K", ifname, "tx", "off"] });
  steps.push(...innerSteps(inner, actual.routes, wanted, { netns, ifname, mac, port }));
  return steps;
}

/** What to change so that `addresses` (all when undefined) are gone; with the last one the interface goes too. */
export function planDetach(
  actual: ObservedAttachment,
  what: { readonly id: string; readonly ifname?: string; readonly addresses?: readonly string[] },
  netns: string,
): Step[] {
  const ifname = what.ifname ?? containerIfname;
  const port = portName(what.id, ifname);
  const { inner } = actual;
  const removed =
    what.addresses === undefined
      ? (inner?.addresses ?? [])
      : what.addresses.filter((cidr) => inner?.addresses.includes(cidr));
  const left = (inner?.addresses ?? []).filter((cidr) => !removed.includes(cidr));
  if (what.addresses === undefined || left.length === 0) {
    if (inner) return [within(netns, "link", "delete", "dev", ifname)];
    return actual.port ? [ip("link", "delete", "dev", port)] : [];
  }
  const steps = removed.map((cidr) => within(netns, "address", "delete", cidr, "dev", ifname));
  // Whoever gets the first address next gets its MAC too, so this interface must give it back.
  if (removed.some((cidr) => macOfAddress(cidr) === inner?.mac))
    steps.push(within(netns, "link", "set", "dev", ifname, "address", macOfAddress(left[0]!)));
  if (steps.length > 0) steps.push(multicastGuard(netns, ifname, left));
  return steps;
}

function portSteps(actual: ObservedLink | undefined, wanted: AttachmentSpec, port: string): Step[] {
  const steps: Step[] = [];
  if (actual?.master !== wanted.bridge) steps.push(ip("link", "set", "dev", port, "master", wanted.bridge));
  if ((actual?.hairpin ?? false) !== (wanted.hairpin ?? false))
    steps.push(ip("link", "set", "dev", port, "type", "bridge_slave", "hairpin", wanted.hairpin ? "on" : "off"));
  if (wanted.mtu !== undefined && actual && actual.mtu !== wanted.mtu)
    steps.push(ip("link", "set", "dev", port, "mtu", `${wanted.mtu}`));
  if (!actual?.up) steps.push(ip("link", "set", "dev", port, "up"));
  return steps;
}

interface Inside {
  readonly netns: string;
  readonly ifname: string;
  readonly mac: string | undefined;
  readonly port: string;
}

function innerSteps(
  inner: ObservedLink | undefined,
  routes: readonly ObservedRoute[],
  wanted: AttachmentSpec,
  { netns, ifname, mac, port }: Inside,
): Step[] {
  const steps: Step[] = [];
  const added = wanted.addresses.filter((cidr) => !inner?.addresses.includes(cidr));
  const removed = wanted.exact ? (inner?.addresses ?? []).filter((cidr) => !wanted.addresses.includes(cidr)) : [];
  const all = [...new Set([...(inner?.addresses ?? []), ...wanted.addresses])].filter(
    (cidr) => !removed.includes(cidr),
  );
  // An interface that already has addresses keeps its MAC, unless the MAC is asked for or no longer its own.
  const stale = inner !== undefined && removed.some((cidr) => macOfAddress(cidr) === inner.mac);
  const remac =
    inner !== undefined &&
    mac !== undefined &&
    inner.mac !== mac &&
    (wanted.mac !== undefined || stale || inner.addresses.length === 0);
  if (remac) steps.push(within(netns, "link", "set", "dev", ifname, "address", mac));
  if (wanted.mtu !== undefined && inner && inner.mtu !== wanted.mtu)
    steps.push(within(netns, "link", "set", "dev", ifname, "mtu", `${wanted.mtu}`));
  for (const cidr of removed) steps.push(within(netns, "address", "delete", cidr, "dev", ifname));
  for (const cidr of added) steps.push(within(netns, "address", "add", cidr, "dev", ifname));
  if (all.length > 0 && (added.length > 0 || removed.length > 0)) steps.unshift(multicastGuard(netns, ifname, all));
  if (!inner?.up) steps.push(within(netns, "link", "set", "dev", ifname, "up"));
  for (const route of wanted.routes ?? []) steps.push(...routeSteps(routes, route, netns, ifname));
  if (added.length > 0 || remac) {
    // Setting an interface's own MAC once more has the kernel send a gratuitous ARP for each address (arp_notify). What is
    // sent before the bridge port forwards is lost, so that is waited for; a container's first packet gains too.
    const own = (remac ? mac : inner?.mac) ?? mac ?? "";
    steps.push({ do: "await-forwarding", port }, within(netns, "link", "set", "dev", ifname, "address", own));
  }
  if (wanted.multicastRoute !== false && !hasRoute(routes, "224.0.0.0/4", ifname))
    steps.push(within(netns, "route", "add", "224.0.0.0/4", "dev", ifname));
  return steps;
}

function routeSteps(
  routes: readonly ObservedRoute[],
  route: { to: string; via?: string },
  netns: string,
  ifname: string,
): Step[] {
  const there = routes.find((candidate) => candidate.to === route.to && candidate.dev === ifname);
  if (there && there.via === route.via) return [];
  const via = route.via ? ["via", route.via] : [];
  // onlink: the gateway of a /32 address is in no subnet of the interface.
  return [within(netns, "route", "replace", route.to, ...via, "dev", ifname, ...(route.via ? ["onlink"] : []))];
}

function hasRoute(routes: readonly ObservedRoute[], to: string, dev: string): boolean {
  return routes.some((route) => route.to === to && route.dev === dev);
}

/**
 * Multicast reaches every port of the bridge, whatever its subnet; so each namespace takes only what its own subnets sent.
 * A table of its own inside the namespace, replaced as a whole.
 */
function multicastGuard(netns: string, ifname: string, addresses: readonly string[]): Step {
  const subnets = [...new Set(addresses.map(subnetOf))].join(", ");
  const table = `inet weave-${ifname}`;
  return {
    do: "nft",
    netns,
    rules: `table ${table} {}\ndelete table ${table}\ntable ${table} {\n  chain input {\n    type filter hook input priority 0; policy accept;\n    iifname "${ifname}" ip daddr 224.0.0.0/4 ip saddr != { ${subnets} } drop\n  }\n}\n`,
  };
}

/** Neighbours are asked again soon, so that an address that moved is found at once; see also {@link macOfAddress}. */
function innerSysctls(ifname: string): Record<string, string> {
  const name = sysctlName(ifname);
  return {
    [`net.ipv4.conf.${name}.arp_notify`]: "1",
    [`net.ipv6.conf.${name}.accept_ra`]: "0",
    [`net.ipv4.neigh.${name}.base_reachable_time_ms`]: "5000",
    [`net.ipv4.neigh.${name}.delay_first_probe_time`]: "2",
    [`net.ipv4.neigh.${name}.ucast_solicit`]: "1",
  };
}

function check(wanted: AttachmentSpec, ifname: string): void {
  if (!isInterfaceName(ifname)) throw new LinksError("LINKS_INVALID", `"${ifname}" is no interface name`);
  for (const cidr of wanted.addresses) parseCidr(cidr);
  for (const route of wanted.routes ?? []) if (route.to !== "default") parseCidr(route.to);
  if (!/^[\w.:@-]{1,200}$/.test(wanted.id))
    throw new LinksError("LINKS_INVALID", `"${wanted.id}" is no id: expected up to 200 letters, digits, . : @ _ -`);
}

function ip(...words: string[]): Step {
  return { do: "ip", words };
}

function within(netns: string, ...words: string[]): Step {
  return { do: "ip", netns, words };
}
