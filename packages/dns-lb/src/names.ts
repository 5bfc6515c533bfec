/** The names of a cluster: what this peer says, what the others say, and what that makes the answers. */
import { formatIpv4 } from "./address.ts";
import { type ClaimCodec, Claims, claim } from "./claims.ts";
import { fqdn, isInDomain, parseDomain } from "./domain.ts";
import { isLive, type makeEntry, type NameEntry } from "./entry.ts";
import {
  type Clock,
  type GossipHandler,
  type GossipSender,
  type Logger,
  type Metrics,
  noMetrics,
  type PeerName,
  silentLogger,
  type WallClock,
} from "./ports.ts";
import { formatRecord, type NameRecord } from "./records.ts";
import { type NamesSnapshot, parseSnapshot } from "./snapshot.ts";
import type { NameTable } from "./table.ts";
import { addressCodec, recordCodec } from "./wire.ts";

/** What {@link createNames} needs. */
export interface NamesOptions {
  readonly self: PeerName;
  /** @defaultValue `weave.local.` */
  readonly domain?: string;
  readonly clock: Clock;
  /** Unix seconds. */
  readonly wallClock: WallClock;
  /** Whether a peer is in the topology; claims of others wait until it is. May be called often. */
  readonly isKnownPeer: (peer: PeerName) => boolean;
  /** @defaultValue silent */
  readonly logger?: Logger;
  /** @defaultValue none */
  readonly metrics?: Metrics;
}

/** Which entries {@link Names.remove} withdraws; what is absent matches everything. */
export interface NameFilter {
  /** Compared case-sensitively, as the original does; a missing trailing dot is added. */
  readonly hostname?: string;
  readonly containerId?: string;
  /** Unsigned 32-bit IPv4. */
  readonly address?: number;
}

/** An entry as `GET /name` and the report show it, with the original's spelling. */
export interface NameEntryJson {
  readonly ContainerID: string;
  readonly Origin: number;
  readonly Addr: string;
  readonly Hostname: string;
  readonly Version: number;
  readonly Tombstone: number;
}

/** The replicated names. */
export interface Names {
  readonly self: PeerName;
  /** Lower case, trailing dot. */
  readonly domain: string;
  /** Handler of the `nameserver` channel, understood by every peer. */
  readonly gossip: GossipHandler;
  /** Handler of the `weaved-records` channel. */
  readonly records: GossipHandler;
  /** Changes are broadcast from now on; without `records`, records stay on this host. */
  attach(names: GossipSender, records?: GossipSender): void;
  /**
   * Says that a container has a name and an address.
   * @param origin - for replaying what another peer said. @defaultValue ourselves
   * @returns false when the name is outside the domain, which changes nothing
   */
  add(name: string, containerId: string, address: number, origin?: PeerName): boolean;
  /** Says more about a name of a container. @throws DnsError `DNS_BAD_RECORD` */
  addRecord(name: string, containerId: string, record: NameRecord): boolean;
  /** Withdraws matching entries of our own (never those of others). Returns how many. */
  remove(filter: NameFilter): number;
  /** Withdraws everything that this peer said of a container. */
  containerDied(containerId: string): void;
  /** Withdraws what we said of containers that `isRunning` does not confirm; names of no container (`weave:...`) stay. */
  retain(isRunning: (containerId: string) => boolean): void;
  /** Forgets a peer that left the topology. */
  peerGone(peer: PeerName): void;
  /** Tells that the topology gained peers, so that waiting claims are looked at now rather than within half a second. */
  peerAppeared(): void;
  /** Live addresses of a fully qualified name in table order, repetitions included; case does not matter. */
  lookup(name: string): number[];
  /** The name, as registered, of the first live entry with this address. */
  reverse(address: number): string | undefined;
  /** Live entries of a fully qualified name, records included; case does not matter. */
  find(name: string): readonly NameEntry[];
  /** Whether a live name exists below this one. */
  hasBelow(name: string): boolean;
  /** All address entries in table order, dead ones included. Borrowed until the next change. */
  entries(): readonly NameEntry[];
  /** {@link entries} for people and programs that know the original. */
  toJSON(): NameEntryJson[];
  /** Grows with every change. */
  generation(): number;
  /** What to keep over a restart: our own entries, dead ones included. */
  snapshot(): NamesSnapshot;
  /** Takes back a {@link snapshot}; call before `attach`, then `retain`. @throws DnsError `DNS_BAD_SNAPSHOT` */
  restore(document: unknown): void;
  /** Calls `fn` after every change with the changed entries; those of departed peers come as dead. */
  onChange(fn: (changed: readonly NameEntry[]) => void): () => void;
  /** Ends all timers. */
  close(): void;
}

/** Names that belong to no container (`weave expose -h`, `weave dns-add` of a bare address) use ids of this form. */
const isPseudoContainer = (id: string): boolean => id.startsWith("weave:");

/**
 * Makes the names of one peer.
 * @throws DnsError `DNS_BAD_DOMAIN`
 */
export function createNames(options: NamesOptions): Names {
  const { self, logger = silentLogger, metrics = noMetrics } = options;
  const domain = parseDomain(options.domain ?? "weave.local.");
  const listeners = new Set<(changed: readonly NameEntry[]) => void>();
  const onChange = (changed: readonly NameEntry[]): void => {
    metrics.gauge("dns_entries", addresses.table.size);
    for (const listener of listeners) listener(changed);
  };
  const makeClaims = (codec: ClaimCodec): Claims => new Claims({ ...options, domain, codec, logger, onChange });
  const addresses = makeClaims(addressCodec);
  const records = makeClaims(recordCodec);
  const both = [addresses, records];

  const say = (claims: Claims, init: Parameters<typeof makeEntry>[0]): boolean => {
    const hostname = fqdn(init.hostname);
    if (!isInDomain(hostname, domain)) {
      logger.info("name ignored: it is outside the domain", { hostname, domain, container: init.containerId });
      return false;
    }
    claims.publish([claim(claims.table, { ...init, hostname })]);
    return true;
  };
  const withdraw = (match: (entry: NameEntry) => boolean): number =>
    both.reduce((sum, claims) => sum + claims.withdraw(match).length, 0);

  return {
    self,
    domain,
    gossip: addresses,
    records,
    attach(names, extra) {
      addresses.attach(names);
      if (extra !== undefined) records.attach(extra);
    },
    add: (hostname, containerId, address, origin = self) => say(addresses, { hostname, containerId, origin, address }),
    addRecord: (hostname, containerId, record) =>
      say(records, { hostname, containerId, origin: self, ...formatRecord(record) }),
    remove({ hostname, containerId, address }) {
      const name = hostname === undefined ? undefined : fqdn(hostname);
      const matches = (entry: NameEntry): boolean =>
        (name === undefined || entry.hostname === name) &&
        (containerId === undefined || entry.containerId === containerId);
      if (address === undefined) return withdraw(matches);
      return addresses.withdraw((entry) => entry.address === address && matches(entry)).length;
    },
    containerDied: (id) => void withdraw((entry) => entry.containerId === id),
    retain: (isRunning) =>
      void withdraw(({ containerId }) => !isPseudoContainer(containerId) && !isRunning(containerId)),
    peerGone(peer) {
      for (const claims of both) claims.peerGone(peer);
    },
    peerAppeared() {
      for (const claims of both) claims.peerAppeared();
    },
    ...createReader(addresses.table, records.table),
    snapshot: () => ({
      version: 1,
      entries: both.flatMap(({ table }) => table.all().filter((entry) => entry.origin === self)),
    }),
    restore(document) {
      const entries = parseSnapshot(document).filter((entry) => entry.origin === self);
      for (const entry of entries) (entry.type === "" ? addresses : records).table.put(entry);
      onChange(entries);
    },
    onChange(fn) {
      listeners.add(fn);
      return () => void listeners.delete(fn);
    },
    close() {
      for (const claims of both) claims.close();
    },
  };
}

/** The part of {@link Names} that only looks. */
function createReader(
  addresses: NameTable,
  records: NameTable,
): Pick<Names, "lookup" | "reverse" | "find" | "hasBelow" | "entries" | "toJSON" | "generation"> {
  return {
    lookup: (name) =>
      addresses
        .find(name.toLowerCase())
        .filter(isLive)
        .map((entry) => entry.address),
    reverse: (address) => addresses.reverse(address)?.hostname,
    find(name) {
      const key = name.toLowerCase();
      const extra = records.find(key);
      const all = addresses.find(key);
      return (extra.length === 0 ? all : [...all, ...extra]).filter(isLive);
    },
    hasBelow: (name) => addresses.hasBelow(name.toLowerCase()),
    entries: () => addresses.all(),
    toJSON: () => addresses.all().map(toJson),
    generation: () => addresses.generation + records.generation,
  };
}

function toJson({ containerId, origin, address, hostname, version, tombstone }: NameEntry): NameEntryJson {
  const Addr = formatIpv4(address);
  return { ContainerID: containerId, Origin: origin, Addr, Hostname: hostname, Version: version, Tombstone: tombstone };
}
