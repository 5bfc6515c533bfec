import { Ip } from "@weaved/ip";
import {
  type BitRange,
  blockOf,
  formatMac,
  linkLocalOf,
  linkLocalsOf,
  macsOfRange,
  mergeRanges,
  parseMac,
  subnetOf,
} from "../address.ts";
import type { AntiSpoofing, Exposure } from "../types.ts";
import { anyOf, chain, drop, interval, set } from "./text.ts";

/** A bridge port with a workload behind it, and what the workload may say. */
export interface GuardedPort {
  readonly port: string;
  readonly addresses: readonly string[];
  /** The MAC of the workload's interface, when it is known. */
  readonly mac: string | undefined;
  /** Only these addresses; otherwise all that belong to nobody else. */
  readonly strict: boolean;
  /** Further sources that the workload may use: what it routes for, or floating addresses. */
  readonly allowSources: readonly string[];
  /** The workload may serve DHCP and send router advertisements. */
  readonly allowDhcp: boolean;
}

/** What the rules on the bridge are made from. */
export interface Guard {
  readonly ports: readonly GuardedPort[];
  readonly antiSpoofing: AntiSpoofing;
  /** Addresses and MACs of this host; its bridge's address is the gateway of the workloads. */
  readonly host: { readonly addresses: readonly string[]; readonly macs: readonly string[] };
  readonly exposures: readonly Exposure[];
  /** Addresses that service rules lead to, whatever subnet they are in. */
  readonly targets: readonly string[];
}

/** Addresses of one kind of owner, by what the rules look at. */
interface Identities {
  readonly macs: readonly BitRange[];
  readonly v4: readonly BitRange[];
  readonly v6: readonly BitRange[];
}

/**
 * Chains of the `bridge` table: no workload speaks as an address that belongs to another workload, a host, or the gateway, by
 * IP, ARP, or neighbour discovery, and none serves DHCP or router advertisements. Rules are keyed by port, because the kernel
 * need not know the bridge of a frame here (`NFT_BRIDGE_META`), and use sets, so that their number does not grow with the
 * workloads, except where a port has a rule of its own.
 */
export function guardChains(guard: Guard): string {
  const { ports, antiSpoofing } = guard;
  const local = joined([...ports.map(identitiesOf), hostIdentities(guard.host)]);
  const claimed = joined([local, reservedIdentities(antiSpoofing.reserved ?? {})]);
  const tunnels = antiSpoofing.tunnels ?? [];
  return [
    portSets(ports),
    identitySets("local", local),
    identitySets("claimed", claimed),
    attachedChains(ports, claimed),
    chain("tunnel", undefined, tunnelRules(local)),
    chain("prerouting", { type: "filter", hook: "prerouting", priority: "-300" }, [
      "iifname @ports jump attached",
      ...(tunnels.length > 0 ? [`iifname ${anyOf(tunnels.map(quoted))} jump tunnel`] : []),
    ]),
    chain("input", { type: "filter", hook: "input", priority: "-300" }, subnetRules(guard)),
  ].join("");
}

/** Who is who, per port: exact pairs of a port and what is its own. */
function portSets(ports: readonly GuardedPort[]): string {
  const own = (name: string, type: string, of: (port: GuardedPort) => readonly string[]) => {
    const pairs = ports.flatMap((port) => of(port).map((value) => `${quoted(port.port)} . ${value}`));
    return set(name, `ifname . ${type}`, [...new Set(pairs)]);
  };
  const named = (name: string, holds: (port: GuardedPort) => boolean) =>
    set(name, "ifname", [...new Set(ports.filter(holds).map(({ port }) => quoted(port)))]);
  return [
    named("ports", () => true),
    named("strict", ({ strict }) => strict),
    // A workload that speaks for others may bridge for them, with their MACs.
    named("one-mac", ({ strict, mac, allowSources }) => strict && mac !== undefined && allowSources.length === 0),
    named("dhcp", ({ allowDhcp }) => allowDhcp),
    own("own-mac", "ether_addr", ({ mac }) => (mac === undefined ? [] : [mac])),
    own("own4", "ipv4_addr", (port) => identitiesOf(port).v4.map(({ first }) => ipText(4, first))),
    own("own6", "ipv6_addr", (port) => identitiesOf(port).v6.map(({ first }) => ipText(6, first))),
  ].join("");
}

function identitySets(name: string, { macs, v4, v6 }: Identities): string {
  return [
    set(`${name}-mac`, "ether_addr", rangeTexts(macs, formatMac), interval),
    set(`${name}4`, "ipv4_addr", rangeTexts(v4, ipText4), interval),
    set(`${name}6`, "ipv6_addr", rangeTexts(v6, ipText6), interval),
  ].join("");
}

function attachedChains(ports: readonly GuardedPort[], claimed: Identities): string {
  /** Rules that only some ports have. */
  const allowed = (family: 4 | 6, field: string) =>
    ports.flatMap(({ port, allowSources }) => {
      const blocks = rangeTexts(rangesOf(allowSources, family), family === 4 ? ipText4 : ipText6);
      return blocks.length === 0 ? [] : [`iifname ${quoted(port)} ${field} ${anyOf(blocks)} return`];
    });
  const source = (family: 4 | 6, field: string, reason: string) => [
    ...allowed(family, field),
    `${field} @claimed${family} iifname . ${field} != @own${family} ${drop(reason)}`,
    `iifname @strict iifname . ${field} != @own${family} ${drop(reason)}`,
  ];
  return [
    chain("neighbour", undefined, neighbourRules(ports, claimed)),
    chain("attached-arp", undefined, ["arp saddr ip 0.0.0.0 return", ...source(4, "arp saddr ip", "arp")]),
    chain("attached-ip4", undefined, [
      `iifname != @dhcp udp dport 68 ${drop("dhcp")}`,
      `iifname != @dhcp icmp type router-advertisement ${drop("router-advertisement")}`,
      `icmp type redirect ${drop("redirect")}`,
      // A DHCP client has no address yet.
      "ip saddr 0.0.0.0 udp dport 67 return",
      ...source(4, "ip saddr", "ip"),
    ]),
    chain("attached-ip6", undefined, [
      `iifname != @dhcp udp dport 546 ${drop("dhcp")}`,
      `iifname != @dhcp icmpv6 type nd-router-advert ${drop("router-advertisement")}`,
      `icmpv6 type nd-redirect ${drop("redirect")}`,
      "icmpv6 type nd-neighbor-advert jump neighbour",
      "ip6 saddr :: icmpv6 type nd-neighbor-solicit jump neighbour",
      "ip6 saddr :: return",
      ...source(6, "ip6 saddr", "ip"),
    ]),
    chain("attached", undefined, [
      // Receivers take a frame with VLAN id 0 for an untagged one, and the rules below would not see its content.
      `ether type { 8021q, 8021ad } @ll,112,16 & 0x0fff == 0 ${drop("vlan")}`,
      `iifname @strict ether type { 8021q, 8021ad } ${drop("vlan")}`,
      `ether saddr @claimed-mac iifname . ether saddr != @own-mac ${drop("mac")}`,
      `iifname @one-mac iifname . ether saddr != @own-mac ${drop("mac")}`,
      "ether type arp goto attached-arp",
      "ether type ip goto attached-ip4",
      "ether type ip6 goto attached-ip6",
    ]),
  ].join("");
}

/** Neighbour discovery says in its body whose address it is about: 16 bytes, 8 bytes after the start of the ICMPv6 header. */
function neighbourRules(ports: readonly GuardedPort[], claimed: Identities): string[] {
  const about = (ranges: readonly BitRange[]) => `@th,64,128 ${anyOf(rangeTexts(ranges, hex128))}`;
  const rules = ports.flatMap((port) => {
    const own = mergeRanges([...identitiesOf(port).v6, ...rangesOf(port.allowSources, 6)]);
    return own.length === 0 ? [] : [`iifname ${quoted(port.port)} ${about(own)} return`];
  });
  if (claimed.v6.length > 0) rules.push(`${about(claimed.v6)} ${drop("neighbour")}`);
  return [...rules, `iifname @strict ${drop("neighbour")}`];
}

/** What comes from other hosts is never from a workload of this one. */
function tunnelRules(local: Identities): string[] {
  const { v6 } = local;
  return [
    `ether saddr @local-mac ${drop("tunnel")}`,
    `ether type arp arp saddr ip @local4 ${drop("tunnel")}`,
    `ether type ip ip saddr @local4 ${drop("tunnel")}`,
    `ether type ip6 ip6 saddr @local6 ${drop("tunnel")}`,
    ...(v6.length > 0
      ? [`icmpv6 type nd-neighbor-advert @th,64,128 ${anyOf(rangeTexts(v6, hex128))} ${drop("tunnel")}`]
      : []),
  ];
}

/** Frames for this host that it would route back into another subnet of the network: exposed subnets stay apart. */
function subnetRules({ exposures, host, targets }: Guard): string[] {
  const subnets = [...new Set(exposures.map(({ cidr }) => subnetOf(cidr)))];
  if (subnets.length < 2) return [];
  const addresses = [...host.addresses, ...targets].map((cidr) => cidr.split("/")[0]!);
  const own = rangeTexts(rangesOf(addresses, 4), ipText4);
  return [
    ...(own.length > 0 ? [`ip daddr ${anyOf(own)} accept`] : []),
    ...subnets.flatMap((from) => {
      const others = subnets.filter((to) => !overlap(from, to));
      return others.length === 0 ? [] : [`ip saddr ${from} ip daddr ${anyOf(others)} ${drop("subnet")}`];
    }),
  ];
}

function overlap(a: string, b: string): boolean {
  const [one, two] = [blockOf(a), blockOf(b)];
  return one.first <= two.last && two.first <= one.last;
}

function identitiesOf({ addresses, mac }: GuardedPort): Identities {
  return hostIdentities({ addresses, macs: mac === undefined ? [] : [mac] });
}

/** Single addresses and MACs, and the link-local addresses that go with the MACs. */
function hostIdentities({ addresses, macs }: Guard["host"]): Identities {
  const bits = macs.map(parseMac);
  const hosts = addresses.map((cidr) => cidr.split("/")[0]!);
  return {
    macs: bits.map(single),
    v4: rangesOf(hosts, 4),
    v6: [...rangesOf(hosts, 6), ...bits.map((mac) => single(linkLocalOf(mac)))],
  };
}

/** Ranges of addresses with the MACs and link-local addresses that workloads derive from them, and single MACs. */
function reservedIdentities({ addresses = [], macs = [] }: NonNullable<AntiSpoofing["reserved"]>): Identities {
  const v4 = rangesOf(addresses, 4);
  const derived = v4.map(macsOfRange);
  const single = hostIdentities({ addresses: [], macs });
  return {
    macs: [...single.macs, ...derived],
    v4,
    v6: [...single.v6, ...rangesOf(addresses, 6), ...derived.flatMap(linkLocalsOf)],
  };
}

function joined(all: readonly Identities[]): Identities {
  const merged = (of: (one: Identities) => readonly BitRange[]) => mergeRanges(all.flatMap(of));
  return { macs: merged(({ macs }) => macs), v4: merged(({ v4 }) => v4), v6: merged(({ v6 }) => v6) };
}

function rangesOf(texts: readonly string[], family: 4 | 6): BitRange[] {
  return mergeRanges(texts.map(blockOf).filter((block) => block.family === family));
}

function single(bits: bigint): BitRange {
  return { first: bits, last: bits };
}

function rangeTexts(ranges: readonly BitRange[], format: (bits: bigint) => string): string[] {
  return ranges.map(({ first, last }) => (first === last ? format(first) : `${format(first)}-${format(last)}`));
}

function ipText(family: 4 | 6, bits: bigint): string {
  return Ip.fromBits(family, bits).toString();
}

const ipText4 = (bits: bigint) => ipText(4, bits);
const ipText6 = (bits: bigint) => ipText(6, bits);

function hex128(bits: bigint): string {
  return `0x${bits.toString(16).padStart(32, "0")}`;
}

function quoted(name: string): string {
  return `"${name}"`;
}
