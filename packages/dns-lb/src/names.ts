/** The names of a cluster: what this peer announces, what the others announce, and the answers that follow from both. */
import { Ip, type IpInput } from "@weaved/ip";
import { formatIpv4, toIpv4 } from "./address.ts";
import { type ClaimCodec, Claims, claim } from "./claims.ts";
import { fqdn, isInDomain, parseDomain } from "./domain.ts";
import { type EntryInit, isLive, isPlausible, makeEntry, type NameEntry } from "./entry.ts";
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
import { formatRecord, type NameRecord, UNHEALTHY } from "./records.ts";
import { type NamesSnapshot, parseSnapshot } from "./snapshot.ts";
import { addressCodec, recordCodec } from "./wire.ts";

/** What {@link createNames} needs. */
export interface NamesOptions {
  readonly clock: Clock;
  /** Unix seconds. */
  readonly wallClock: WallClock;
  /** @defaultValue `weave.local.` */
  readonly domain?: string | undefined;
  /** Our peer name. @defaultValue 1, for a host that shares no names */
  readonly self?: PeerName | undefined;
  /** Whether a peer is in the topology; claims of others wait until it is. May be called often. @defaultValue always */
  readonly isKnownPeer?: ((peer: PeerName) => boolean) | undefined;
  /** @defaultValue silent */
  readonly logger?: Logger | undefined;
  /** @defaultValue none */
  readonly metrics?: Metrics | undefined;
}

/** Which entries {@link Names.remove} withdraws; an absent part matches everything. */
export interface NameFilter {
  /** Compared case-sensitively, as in Weave Net 2.8; a missing trailing dot is added. */
  readonly hostname?: string | undefined;
  readonly containerId?: string | undefined;
  readonly address?: IpInput | number | undefined;
}

/** An entry as `GET /name` and the report show it, in the spelling of Weave Net 2.8. */
export interface NameEntryJson {
  readonly ContainerID: string;
  readonly Origin: number;
  readonly Addr: string;
  readonly Hostname: string;
  readonly Version: number;
  readonly Tombstone: number;
}

/** The replicated names. IPv4 addresses are accepted as text, as `Ip`, or as unsigned 32-bit integers. */
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
   * Gives a container a name and an address.
   * @param origin - for replaying what another peer announced. @defaultValue this peer
   * @returns false when the name is outside the domain or too long, which changes nothing
   * @throws DnsError `DNS_BAD_ADDRESS`
   */
  add(name: string, containerId: string, address: IpInput | number, origin?: PeerName): boolean;
  /** Adds a record to a name of a container. @throws DnsError `DNS_BAD_RECORD` */
  addRecord(name: string, containerId: string, record: NameRecord): boolean;
  /** Announces the health of a container of this peer. An unhealthy one leaves the answers while a healthy one is there. */
  setHealth(containerId: string, isHealthy: boolean): void;
  /** Withdraws matching entries of this peer (never those of others). Returns how many. @throws DnsError `DNS_BAD_ADDRESS` */
  remove(filter: NameFilter): number;
  /** Withdraws everything that this peer announced of a container. */
  containerDied(containerId: string): void;
  /** Withdraws what was announced of containers that `isRunning` does not confirm; names of no container (`weave:...`) are kept. */
  retain(isRunning: (containerId: string) => boolean): void;
  /** Forgets a peer that left the topology. */
  peerGone(peer: PeerName): void;
  /** The topology gained peers: pending claims are looked at now rather than within half a second. */
  peerAppeared(): void;
  /** Live addresses of a full name in table order, repetitions included; neither case nor a final dot matters. */
  lookup(name: string): Ip[];
  /** The name, as registered, of the first live entry with this address. @throws DnsError `DNS_BAD_ADDRESS` */
  reverse(address: IpInput | number): string | undefined;
  /** Live entries of a full name, records included; neither case nor a final dot matters. */
  find(name: string): readonly NameEntry[];
  /** Whether a live name exists below this one. */
  hasBelow(name: string): boolean;
  /** All address entries in table order, withdrawn ones included. Borrowed until the next change. */
  entries(): readonly NameEntry[];
  /** {@link entries} in the form of Weave Net 2.8. */
  toJSON(): NameEntryJson[];
  /** Grows with every change. */
  generation(): number;
  /** What to keep over a restart: our own entries, withdrawn ones included. */
  snapshot(): NamesSnapshot;
  /** Takes back a {@link snapshot}; call before `attach`, then `retain`. @throws DnsError `DNS_BAD_SNAPSHOT` */
  restore(document: unknown): void;
  /** Calls `fn` after every change with the changed entries; those of departed peers come as withdrawn. Returns an end to that. */
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
export const createNames = (options: NamesOptions): Names => new ReplicatedNames(options);

class ReplicatedNames implements Names {
  readonly self: PeerName;
  readonly domain: string;
  readonly #addresses: Claims;
  readonly #records: Claims;
  readonly #logger: Logger;
  /** Bounded by: what the owner subscribes. */
  readonly #listeners = new Set<(changed: readonly NameEntry[]) => void>();
  /** Containers of this peer. Bounded by: containers of this host. */
  readonly #unhealthy = new Set<string>();

  constructor(options: NamesOptions) {
    const { self = 1, isKnownPeer = () => true, logger = silentLogger, metrics = noMetrics } = options;
    const { clock, wallClock } = options;
    this.self = self;
    this.domain = parseDomain(options.domain ?? "weave.local.");
    this.#logger = logger;
    const onChange = (changed: readonly NameEntry[]): void => {
      metrics.gauge("dns_entries", this.#addresses.table.size);
      for (const listener of this.#listeners) listener(changed);
    };
    const { domain } = this;
    const make = (codec: ClaimCodec): Claims =>
      new Claims({ self, domain, codec, clock, wallClock, isKnownPeer, logger, metrics, onChange });
    this.#addresses = make(addressCodec);
    this.#records = make(recordCodec);
  }

  get gossip(): GossipHandler {
    return this.#addresses;
  }

  get records(): GossipHandler {
    return this.#records;
  }

  get #both(): readonly Claims[] {
    return [this.#addresses, this.#records];
  }

  attach(names: GossipSender, records?: GossipSender): void {
    this.#addresses.attach(names);
    if (records !== undefined) this.#records.attach(records);
  }

  add(name: string, containerId: string, address: IpInput | number, origin: PeerName = this.self): boolean {
    const hostname = fqdn(name);
    const added = this.#announce(this.#addresses, { hostname, containerId, origin, address: toIpv4(address) });
    if (added && origin === this.self && this.#unhealthy.has(containerId))
      this.#announceUnhealthy(hostname, containerId);
    return added;
  }

  addRecord(name: string, containerId: string, record: NameRecord): boolean {
    const init = { hostname: fqdn(name), containerId, origin: this.self, ...formatRecord(record) };
    return this.#announce(this.#records, init);
  }

  setHealth(containerId: string, isHealthy: boolean): void {
    if (isHealthy) {
      this.#unhealthy.delete(containerId);
      this.#records.withdraw((entry) => entry.type === "HEALTH" && entry.containerId === containerId);
      return;
    }
    this.#unhealthy.add(containerId);
    const isOwn = (entry: NameEntry): boolean => entry.origin === this.self && entry.containerId === containerId;
    const names = new Set(
      this.#addresses.table.select((entry) => isOwn(entry) && isLive(entry)).map((e) => e.hostname),
    );
    for (const hostname of names) this.#announceUnhealthy(hostname, containerId);
  }

  remove({ hostname, containerId, address }: NameFilter): number {
    const name = hostname === undefined ? undefined : fqdn(hostname);
    const matches = (entry: NameEntry): boolean =>
      (name === undefined || entry.hostname === name) &&
      (containerId === undefined || entry.containerId === containerId);
    if (address === undefined) return this.#withdraw(matches);
    const wanted = toIpv4(address);
    return this.#addresses.withdraw((entry) => entry.address === wanted && matches(entry)).length;
  }

  containerDied(containerId: string): void {
    this.#unhealthy.delete(containerId);
    this.#withdraw((entry) => entry.containerId === containerId);
  }

  retain(isRunning: (containerId: string) => boolean): void {
    this.#withdraw(({ containerId }) => !isPseudoContainer(containerId) && !isRunning(containerId));
    for (const containerId of this.#unhealthy) if (!isRunning(containerId)) this.#unhealthy.delete(containerId);
  }

  peerGone(peer: PeerName): void {
    for (const claims of this.#both) claims.peerGone(peer);
  }

  peerAppeared(): void {
    for (const claims of this.#both) claims.peerAppeared();
  }

  lookup(name: string): Ip[] {
    return this.#addresses.table
      .find(keyOf(name))
      .filter(isLive)
      .map((entry) => Ip.v4(entry.address));
  }

  reverse(address: IpInput | number): string | undefined {
    return this.#addresses.table.reverse(toIpv4(address))?.hostname;
  }

  find(name: string): readonly NameEntry[] {
    const key = keyOf(name);
    const addresses = this.#addresses.table.find(key);
    const records = this.#records.table.find(key);
    return (records.length === 0 ? addresses : [...addresses, ...records]).filter(isLive);
  }

  hasBelow(name: string): boolean {
    return this.#addresses.table.hasBelow(keyOf(name));
  }

  entries(): readonly NameEntry[] {
    return this.#addresses.table.all();
  }

  toJSON(): NameEntryJson[] {
    return this.entries().map(toJson);
  }

  generation(): number {
    return this.#addresses.table.generation + this.#records.table.generation;
  }

  snapshot(): NamesSnapshot {
    const isOwn = (entry: NameEntry): boolean => entry.origin === this.self;
    return { version: 1, entries: this.#both.flatMap(({ table }) => table.all().filter(isOwn)) };
  }

  restore(document: unknown): void {
    const entries = parseSnapshot(document).filter((entry) => entry.origin === this.self);
    for (const entry of entries) {
      (entry.type === "" ? this.#addresses : this.#records).table.put(entry);
      if (entry.type === "HEALTH" && isLive(entry)) this.#unhealthy.add(entry.containerId);
    }
    if (entries.length === 0) return;
    for (const listener of this.#listeners) listener(entries);
  }

  onChange(fn: (changed: readonly NameEntry[]) => void): () => void {
    this.#listeners.add(fn);
    return () => void this.#listeners.delete(fn);
  }

  close(): void {
    for (const claims of this.#both) claims.close();
  }

  #announceUnhealthy(hostname: string, containerId: string): void {
    const init: EntryInit = { hostname, containerId, origin: this.self, type: "HEALTH", data: UNHEALTHY };
    this.#announce(this.#records, init);
  }

  #announce(claims: Claims, init: EntryInit): boolean {
    const { hostname, containerId } = init;
    if (!isInDomain(hostname, this.domain)) {
      const { domain } = this;
      this.#logger.info("name ignored: it is outside the domain", { hostname, domain, container: containerId });
      return false;
    }
    if (!isPlausible(makeEntry(init), Number.MAX_SAFE_INTEGER)) {
      this.#logger.warn("name ignored: the name or the container id is too long", { hostname, container: containerId });
      return false;
    }
    claims.publish([claim(claims.table, init)]);
    return true;
  }

  #withdraw(match: (entry: NameEntry) => boolean): number {
    return this.#both.reduce((sum, claims) => sum + claims.withdraw(match).length, 0);
  }
}

const keyOf = (name: string): string => fqdn(name).toLowerCase();

function toJson({ containerId, origin, address, hostname, version, tombstone }: NameEntry): NameEntryJson {
  const Addr = formatIpv4(address);
  return { ContainerID: containerId, Origin: origin, Addr, Hostname: hostname, Version: version, Tombstone: tombstone };
}
