import { macOfAddress, readCidr, subnetOf } from "../address.ts";
import { anyOf, chain, replaceTable } from "../firewall/text.ts";
import type { Step } from "../steps.ts";
import type { AttachmentSpec, RouteSpec } from "../types.ts";
import type { ObservedLink, ObservedRoute } from "./observed.ts";
import { removeAddresses, within } from "./words.ts";

/** The interface in a namespace as it is; undefined before it is made. */
export interface ObservedInside {
  readonly inner: ObservedLink | undefined;
  readonly routes: readonly ObservedRoute[];
}

/** Where the interface is. */
export interface Inside {
  readonly netns: string;
  readonly ifname: string;
  readonly prefix: string;
  /** The MAC that it is to have. */
  readonly mac: string | undefined;
}

/** Addresses that come, go, and are there in the end. */
interface Change {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly all: readonly string[];
}

const multicast = "224.0.0.0/4";

/** Settings, addresses, and routes of the interface, up to the moment when it can be used. */
export function insideSteps({ inner, routes }: ObservedInside, wanted: AttachmentSpec, inside: Inside): Step[] {
  const { netns, ifname, mac } = inside;
  const { added, removed, all } = changeOf(inner, wanted);
  const set = (...words: string[]) => within(netns, "link", "set", "dev", ifname, ...words);
  return [
    ...(added.length + removed.length > 0 ? [multicastGuard(inside, all)] : []),
    ...(inner && mac !== undefined && inner.mac !== mac ? [set("address", mac)] : []),
    ...(inner && wanted.mtu !== undefined && inner.mtu !== wanted.mtu ? [set("mtu", `${wanted.mtu}`)] : []),
    ...removeAddresses(ifname, removed, netns),
    // Duplicate address detection would hold IPv6 addresses back for a second; the allocator has made sure of them.
    ...added.map((cidr) =>
      within(netns, "address", "add", cidr, "dev", ifname, ...(cidr.includes(":") ? ["nodad"] : [])),
    ),
    ...(inner?.up ? [] : [set("up")]),
    ...(wanted.routes ?? []).flatMap((route) => routeSteps(routes, route, inside)),
  ];
}

/** Tells the neighbours about new addresses, then lets programs that wait for the network go on. */
export function announceSteps(actual: ObservedInside, wanted: AttachmentSpec, inside: Inside, port: string): Step[] {
  const { inner, routes } = actual;
  const { netns, ifname } = inside;
  const steps: Step[] = [];
  const mac = inside.mac ?? inner?.mac;
  const changed = changeOf(inner, wanted).added.length > 0 || (inner !== undefined && inner.mac !== mac);
  if (changed && mac !== undefined)
    // Setting an interface's own MAC once more has the kernel send a gratuitous ARP for each address (arp_notify). A frame
    // that is sent before the bridge port forwards is lost, so the plan waits for it; a container's first packet gains too.
    steps.push({ do: "await-forwarding", port }, within(netns, "link", "set", "dev", ifname, "address", mac));
  // A namespace has one route for multicast; the first interface keeps it.
  const hasRoute = routes.some((route) => route.to === multicast);
  if (wanted.multicastRoute !== false && !hasRoute) steps.push(within(netns, "route", "add", multicast, "dev", ifname));
  return steps;
}

function changeOf(inner: ObservedLink | undefined, wanted: AttachmentSpec): Change {
  const present = inner?.addresses ?? [];
  const removed = wanted.exact ? present.filter((cidr) => !wanted.addresses.includes(cidr)) : [];
  return {
    added: wanted.addresses.filter((cidr) => !present.includes(cidr)),
    removed,
    all: [...new Set([...present, ...wanted.addresses])].filter((cidr) => !removed.includes(cidr)),
  };
}

function routeSteps(routes: readonly ObservedRoute[], route: RouteSpec, { netns, ifname }: Inside): Step[] {
  const there = routes.find((candidate) => candidate.to === route.to && candidate.dev === ifname);
  if (there && there.via === route.via) return [];
  // onlink: the gateway of a /32 address is in no subnet of the interface.
  const via = route.via === undefined ? ["dev", ifname] : ["via", route.via, "dev", ifname, "onlink"];
  return [within(netns, "route", "replace", route.to, ...via)];
}

/**
 * What is left of the interface once some addresses are gone: its MAC goes back with the address that it is derived from,
 * because the next holder of the address gets the same MAC.
 */
export function shrinkSteps(inner: ObservedLink, removed: readonly string[], inside: Omit<Inside, "mac">): Step[] {
  const { netns, ifname } = inside;
  const left = inner.addresses.filter((cidr) => !removed.includes(cidr));
  const steps = removeAddresses(ifname, removed, netns);
  if (steps.length === 0) return [];
  const mac = removed.some((cidr) => macOfAddress(cidr) === inner.mac) ? macOfAddress(left[0]!) : undefined;
  if (mac !== undefined) steps.push(within(netns, "link", "set", "dev", ifname, "address", mac));
  return [...steps, multicastGuard(inside, left)];
}

/**
 * Multicast reaches every port of the bridge, whatever its subnet, so each namespace accepts only what its own subnets sent.
 * The rules are in a table of their own inside the namespace, replaced as a whole.
 */
function multicastGuard({ netns, ifname, prefix }: Omit<Inside, "mac">, addresses: readonly string[]): Step {
  const subnets = addresses.filter((cidr) => readCidr(cidr).address.family === 4).map(subnetOf);
  const rules =
    subnets.length === 0
      ? []
      : [`iifname "${ifname}" ip daddr ${multicast} ip saddr != ${anyOf([...new Set(subnets)])} drop`];
  const input = chain("input", { type: "filter", hook: "input", priority: "0" }, rules);
  return { do: "nft", netns, rules: replaceTable(guardTable(prefix, ifname), input) };
}

/** Deletes what {@link multicastGuard} made. */
export function noMulticastGuard({ netns, ifname, prefix }: Omit<Inside, "mac">): Step {
  return { do: "nft", netns, rules: replaceTable(guardTable(prefix, ifname), undefined) };
}

function guardTable(prefix: string, ifname: string): string {
  return `inet ${prefix}-${ifname}`;
}
