/** The local domain as a DNS zone: which names exist, for which client, and what they hold. */
import { Cidr, type CidrInput, Ip } from "@weaved/ip";
import { contains, parseIpv4, type Subnet, toSubnets } from "./address.ts";
import { countLabels, parentOf } from "./domain.ts";
import type { NameEntry } from "./entry.ts";
import type { Names } from "./names.ts";
import { isEncodable } from "./rdata.ts";
import { parseService, parseWeight, type ServiceRecord } from "./records.ts";
import type { ClientAddress } from "./stats.ts";
import type { Candidate } from "./strategy.ts";

/**
 * Networks whose addresses a client (an IPv4 address as an integer, or IPv6 text) may see; undefined: all. Called for every query,
 * so it must be quick.
 *
 * Containers usually ask from their Docker address, so the daemon maps that to the subnets that it attached them to;
 * {@link ownSubnet} suits clients that ask from the overlay itself.
 */
export type View = (client: ClientAddress) => readonly Cidr[] | undefined;

/**
 * A {@link View} by source address: a client in one of `subnets` sees only that one, everyone else sees everything.
 * @throws DnsError `DNS_BAD_ADDRESS`
 */
export function ownSubnet(subnets: readonly CidrInput[]): View {
  const known = toSubnets(subnets).map((subnet) => ({ subnet, cidr: Cidr.of(Ip.v4(subnet.base), subnet.prefix) }));
  return (client) => {
    const own = typeof client === "number" ? known.filter(({ subnet }) => contains(subnet, client)) : [];
    return own.length === 0 ? undefined : own.map(({ cidr }) => cidr);
  };
}

/** The IPv4 networks that a view shows to a client; undefined: all. */
export const visibleTo = (view: View | undefined, client: ClientAddress): readonly Subnet[] | undefined => {
  const networks = view?.(client);
  return networks && toSubnets(networks.filter(({ family }) => family === 4));
};

/** Services in one answer; a TCP reply of 64 KiB holds no more. */
const MAX_SERVICES = 1000;

/** What a name holds, for one client. */
export interface NameContents {
  /** The full name in lower case. */
  readonly key: string;
  readonly candidates: readonly Candidate[];
  /** Every live entry that the client may see, health apart. */
  readonly entries: readonly NameEntry[];
}

/** A service of a container, and where to find it. */
export interface LocatedService extends Required<ServiceRecord> {
  readonly target: string;
  readonly address: number;
}

/** A container of one peer: container ids of different peers are independent. */
const ownerOf = ({ origin, containerId }: Pick<NameEntry, "origin" | "containerId">): string =>
  `${origin} ${containerId}`;

/** Contents of a full name. `repeat` keeps addresses that several entries share, as Weave Net 2.8 does. */
export function contentsOf(
  names: Names,
  name: string,
  visible: readonly Subnet[] | undefined,
  repeat: boolean,
): NameContents {
  const key = name.toLowerCase();
  const all = names.find(key);
  const seen = visible === undefined ? all : visibleEntries(all, visible);
  const entries = seen.filter((entry) => entry.type !== "HEALTH");
  if (entries.length === 0) return byAddressLabel(names, key, visible);
  return { key, candidates: candidatesOf(seen, repeat), entries };
}

function candidatesOf(entries: readonly NameEntry[], repeat: boolean): Candidate[] {
  const weights = new Map<string, number>();
  const unhealthy = new Set<string>();
  for (const entry of entries) {
    if (entry.type === "WEIGHT") weights.set(ownerOf(entry), parseWeight(entry.data));
    if (entry.type === "HEALTH") unhealthy.add(ownerOf(entry));
  }
  const seen = new Set<number>();
  const candidates: Candidate[] = [];
  for (const entry of entries) {
    const { type, address, origin, containerId } = entry;
    if (type !== "" || (!repeat && seen.has(address))) continue;
    seen.add(address);
    const owner = ownerOf(entry);
    const weight = weights.get(owner) ?? 1;
    candidates.push({ address, origin, containerId, weight, healthy: !unhealthy.has(owner) });
  }
  return candidates;
}

/** Records follow their container: they are visible where one of its addresses is. */
function visibleEntries(all: readonly NameEntry[], visible: readonly Subnet[]): readonly NameEntry[] {
  const isInside = (entry: NameEntry): boolean => visible.some((subnet) => contains(subnet, entry.address));
  const addresses = all.filter((entry) => entry.type === "" && isInside(entry));
  const owners = new Set(addresses.map(ownerOf));
  return [...addresses, ...all.filter((entry) => entry.type !== "" && owners.has(ownerOf(entry)))];
}

/** `10-32-0-1.web.weave.local.` is that one container of `web`: the target of SRV records, where a name has several. */
function byAddressLabel(names: Names, key: string, visible: readonly Subnet[] | undefined): NameContents {
  const nothing: NameContents = { key, candidates: [], entries: [] };
  const first = key.slice(0, key.indexOf("."));
  const address = /^\d+-\d+-\d+-\d+$/.test(first) ? parseIpv4(first.replaceAll("-", ".")) : undefined;
  if (address === undefined) return nothing;
  const parent = names.find(parentOf(key));
  const match = (visible === undefined ? parent : visibleEntries(parent, visible)).find(
    (entry) => entry.type === "" && entry.address === address,
  );
  if (match === undefined) return nothing;
  const { origin, containerId } = match;
  return { key, candidates: [{ address, origin, containerId, weight: 1, healthy: true }], entries: [match] };
}

const dashed = (address: number): string => [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join("-");

/** Services behind `_service._protocol.NAME`; empty when there are none. */
export function servicesOf(names: Names, name: string, visible: readonly Subnet[] | undefined): LocatedService[] {
  const key = name.toLowerCase();
  if (!key.startsWith("_") || countLabels(key) < 3) return [];
  const parent = parentOf(parentOf(key));
  const prefix = key.slice(0, -parent.length - 1);
  const { candidates, entries } = contentsOf(names, parent, visible, false);
  const addresses = new Map<string, number[]>();
  for (const candidate of candidates) {
    const known = addresses.get(ownerOf(candidate));
    if (known === undefined) addresses.set(ownerOf(candidate), [candidate.address]);
    else known.push(candidate.address);
  }
  const located: LocatedService[] = [];
  for (const entry of entries) {
    const service = entry.type === "SRV" ? parseService(entry.data) : undefined;
    if (service === undefined || `${service.service}.${service.protocol}` !== prefix) continue;
    for (const address of addresses.get(ownerOf(entry)) ?? []) {
      if (located.length >= MAX_SERVICES) return located;
      const target = `${dashed(address)}.${parent}`;
      if (isEncodable(target)) located.push({ ...service, address, target });
    }
  }
  return located;
}
