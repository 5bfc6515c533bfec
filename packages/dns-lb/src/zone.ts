/** The local domain as a DNS zone: which names exist, for whom, and what they hold. */
import { contains, parseIpv4, type Subnet } from "./address.ts";
import { countLabels, parentOf } from "./domain.ts";
import type { NameEntry } from "./entry.ts";
import type { Names } from "./names.ts";
import { isEncodable } from "./rdata.ts";
import { parseService, parseWeight, type ServiceRecord } from "./records.ts";
import type { ClientAddress } from "./stats.ts";
import type { Candidate } from "./strategy.ts";

/**
 * Subnets whose addresses a client may be told; undefined: all. Asked for every query, so it must be quick.
 *
 * Containers usually ask from their Docker address, so the daemon maps that to the subnets that it attached them to;
 * {@link ownSubnet} suits clients that ask from the overlay itself.
 */
export type View = (client: ClientAddress) => readonly Subnet[] | undefined;

/** A {@link View} by source address: a client in one of `subnets` sees only that one, everyone else sees everything. */
export function ownSubnet(subnets: readonly Subnet[]): View {
  return (client) => {
    const own = typeof client === "number" ? subnets.filter((subnet) => contains(subnet, client)) : [];
    return own.length === 0 ? undefined : own;
  };
}

/** What a name holds, for one client. */
export interface NameContents {
  /** The full name in lower case. */
  readonly key: string;
  readonly candidates: readonly Candidate[];
  /** Every live entry that the client may see. */
  readonly entries: readonly NameEntry[];
}

/** A service of a container, and where to find it. */
export interface LocatedService extends Required<ServiceRecord> {
  readonly target: string;
  readonly address: number;
}

/** Contents of a full name. `repeat` keeps addresses that several entries share, as the original does. */
export function contentsOf(
  names: Names,
  name: string,
  visible: readonly Subnet[] | undefined,
  repeat: boolean,
): NameContents {
  const key = name.toLowerCase();
  const all = names.find(key);
  const entries = visible === undefined ? all : visibleEntries(all, visible);
  const addresses = entries.filter((entry) => entry.type === "");
  if (addresses.length === 0 && entries.length === 0) return byAddressLabel(names, key, visible);
  const weights = entries.filter((entry) => entry.type === "WEIGHT");
  const seen = new Set<number>();
  const candidates: Candidate[] = [];
  for (const { address, origin, containerId } of addresses) {
    if (!repeat && seen.has(address)) continue;
    seen.add(address);
    candidates.push({ address, origin, containerId, weight: weightOf(weights, origin, containerId) });
  }
  return { key, candidates, entries };
}

/** Records follow their container: they are seen where one of its addresses is. */
function visibleEntries(all: readonly NameEntry[], visible: readonly Subnet[]): readonly NameEntry[] {
  const inside = (entry: NameEntry): boolean => visible.some((subnet) => contains(subnet, entry.address));
  const seen = all.filter((entry) => entry.type === "" && inside(entry));
  const follows = ({ containerId, origin }: NameEntry): boolean =>
    seen.some((other) => other.containerId === containerId && other.origin === origin);
  return [...seen, ...all.filter((entry) => entry.type !== "" && follows(entry))];
}

function weightOf(weights: readonly NameEntry[], origin: number, containerId: string): number {
  const said = weights.find((entry) => entry.containerId === containerId && entry.origin === origin);
  return said === undefined ? 1 : parseWeight(said.data);
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
  return { key, candidates: [{ address, origin, containerId, weight: 1 }], entries: [match] };
}

const dashed = (address: number): string => [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join("-");

/** Services behind `_service._protocol.NAME`; empty when there are none. */
export function servicesOf(names: Names, name: string, visible: readonly Subnet[] | undefined): LocatedService[] {
  const key = name.toLowerCase();
  if (!key.startsWith("_") || countLabels(key) < 3) return [];
  const owner = parentOf(parentOf(key));
  const prefix = key.slice(0, -owner.length - 1);
  const { candidates, entries } = contentsOf(names, owner, visible, false);
  const located: LocatedService[] = [];
  for (const entry of entries) {
    const service = entry.type === "SRV" ? parseService(entry.data) : undefined;
    if (service === undefined || `${service.service}.${service.protocol}` !== prefix) continue;
    for (const { address, origin, containerId } of candidates) {
      if (containerId !== entry.containerId || origin !== entry.origin) continue;
      const target = `${dashed(address)}.${owner}`;
      if (isEncodable(target)) located.push({ ...service, address, target });
    }
  }
  return located;
}
