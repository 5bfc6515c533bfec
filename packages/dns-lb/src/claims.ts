/**
 * One replicated set of claims on one gossip channel: which claims of other peers to believe, and what to pass on.
 *
 * Every peer repeats every peer's claims, but the origin of a claim decides about it. So when other peers hold a later version of
 * one of ours, we outbid it with what we know; and a live claim of ours that we do not know (from before a restart) we withdraw.
 */
import {
  compareEntries,
  isLive,
  isPlausible,
  MAX_VERSION,
  makeEntry,
  type NameEntry,
  normalise,
  restored,
  supersedes,
  withdrawn,
} from "./entry.ts";
import { DnsError } from "./errors.ts";
import { type EncodeEntries, NamesUpdate } from "./gossip-data.ts";
import { PendingClaims } from "./pending.ts";
import type { Clock, GossipData, GossipHandler, GossipSender, Logger, Metrics, PeerName, WallClock } from "./ports.ts";
import { NameTable } from "./table.ts";

/** Seconds that a message's timestamp may differ from our clock; half the life of a tombstone. */
const CLOCK_WINDOW_SECONDS = 900;
/** Seconds that a withdrawn entry is kept, so that old gossip cannot bring it back; also the interval of the sweep. */
const TOMBSTONE_LIFE_SECONDS = 1800;
/**
 * Tombstones for claims in our name that we do not know. A restart leaves as many as containers went meanwhile; more are the
 * work of a forger, and are not believed anyway once their peer, which is this one, does not confirm them.
 */
const MAX_UNKNOWN_OWN = 10_000;
/** How often refused entries are logged. */
const REFUSED_LOG_MS = 60_000;

/** How a channel writes its messages down. */
export interface ClaimCodec {
  readonly encode: EncodeEntries;
  /** Throws {@link DnsError} `DNS_GOSSIP_MALFORMED`. */
  decode(payload: Uint8Array): { readonly timestamp: number; readonly entries: readonly NameEntry[] };
}

/** What a set of claims needs. */
export interface ClaimsOptions {
  readonly self: PeerName;
  readonly domain: string;
  readonly codec: ClaimCodec;
  readonly clock: Clock;
  readonly wallClock: WallClock;
  readonly isKnownPeer: (peer: PeerName) => boolean;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Called after every change with the entries as they are now. */
  readonly onChange: (changed: readonly NameEntry[]) => void;
}

/** A replicated set of claims. */
export class Claims implements GossipHandler {
  readonly table: NameTable;
  readonly #options: ClaimsOptions;
  readonly #pending: PendingClaims;
  #sender: GossipSender | undefined;
  #cancelSweep: () => void;
  /** Tombstones made for unknown claims in our name since the last sweep. */
  #unknownOwn = 0;
  #refusedSinceLog = 0;
  #refusedLoggedMs = Number.NEGATIVE_INFINITY;

  constructor(options: ClaimsOptions) {
    this.#options = options;
    this.table = new NameTable(options.domain);
    const { clock, isKnownPeer } = options;
    this.#pending = new PendingClaims({ clock, isKnownPeer, adopt: (entries) => this.#adopt(entries) });
    this.#cancelSweep = this.#scheduleSweep();
  }

  /** From now on changes are broadcast through `sender`. */
  attach(sender: GossipSender): void {
    this.#sender = sender;
  }

  /** Stores entries of this peer and broadcasts them, changed or not: a repeated claim repairs what a neighbour lost. */
  publish(entries: readonly NameEntry[]): void {
    const stored = entries.filter((entry) => this.table.put(entry));
    this.#refuse(entries.length - stored.length, this.#options.self);
    if (stored.length === 0) return;
    this.#options.onChange(stored);
    this.#broadcast(stored);
  }

  /** Withdraws the live entries of our own that `match` picks, and announces it. Returns them as they are now. */
  withdraw(match: (entry: NameEntry) => boolean): readonly NameEntry[] {
    const { self, wallClock } = this.#options;
    const matching = this.table.select((entry) => entry.origin === self && isLive(entry) && match(entry));
    const tombstones = matching.map((entry) => withdrawn(entry, wallClock()));
    this.publish(tombstones);
    return tombstones;
  }

  /** Forgets a peer that left the topology. This is not announced: every peer notices for itself. */
  peerGone(peer: PeerName): void {
    const removed = this.table.remove((entry) => entry.origin === peer);
    if (removed.length > 0) this.#options.onChange(removed.map((entry) => withdrawn(entry, this.#options.wallClock())));
  }

  /** Looks at once whether the origins of pending claims have become known. */
  peerAppeared(): void {
    this.#pending.check();
  }

  onUnicast(): void {
    // No peer sends unicasts on these channels.
  }

  onBroadcast(source: PeerName, payload: Uint8Array): GossipData | undefined {
    const { timestamp, accepted } = this.#receive(payload, source);
    return new NamesUpdate(timestamp, accepted, this.#options.codec.encode);
  }

  onGossip(payload: Uint8Array, neighbour?: PeerName): GossipData | undefined {
    const { news } = this.#receive(payload, neighbour);
    return news.length > 0 ? this.#update(news) : undefined;
  }

  gossip(): GossipData | undefined {
    return this.#update(this.table.all());
  }

  /** Ends the sweeping of tombstones. */
  close(): void {
    this.#cancelSweep();
    this.#pending.close();
  }

  #receive(
    payload: Uint8Array,
    from: PeerName | undefined,
  ): { timestamp: number; accepted: NameEntry[]; news: NameEntry[] } {
    const { codec } = this.#options;
    const { timestamp, entries } = codec.decode(payload);
    this.#checkClock(timestamp);
    const sorted = this.#plausible(normalise(entries), from);
    const { known, unknown } = this.#byOrigin(sorted);
    this.#pending.add(unknown);
    const accepted: NameEntry[] = [];
    const corrections: NameEntry[] = [];
    for (const entry of known) {
      const correction = this.#correct(entry);
      if (correction === "ignore") continue;
      if (correction !== undefined) corrections.push(correction);
      accepted.push(correction ?? entry);
    }
    const news = this.#merge(accepted);
    if (corrections.length > 0) this.#broadcast(corrections);
    return { timestamp, accepted, news };
  }

  #checkClock(timestamp: number): void {
    const skew = timestamp - this.#options.wallClock();
    if (Math.abs(skew) <= CLOCK_WINDOW_SECONDS) return;
    throw new DnsError(
      "DNS_CLOCK_SKEW",
      `the sender's clock differs from ours by ${skew} s, where ${CLOCK_WINDOW_SECONDS} s are tolerated; set the clocks`,
    );
  }

  /** The entries that an honest peer could have made. The others are dropped one by one, with their sender named. */
  #plausible(entries: readonly NameEntry[], from: PeerName | undefined): readonly NameEntry[] {
    // The clocks of a claim's origin and of the sender may each differ from ours.
    const latest = this.#options.wallClock() + 2 * CLOCK_WINDOW_SECONDS;
    const plausible = entries.filter((entry) => isPlausible(entry, latest));
    this.#refuse(entries.length - plausible.length, from);
    return plausible;
  }

  #refuse(count: number, from: PeerName | undefined): void {
    if (count === 0) return;
    const { logger, metrics, clock } = this.#options;
    metrics.count("dns_entries_refused", count);
    this.#refusedSinceLog += count;
    if (clock.now() - this.#refusedLoggedMs < REFUSED_LOG_MS) return;
    logger.warn("refused names of gossip that no honest peer sends, or that are too many", {
      count: this.#refusedSinceLog,
      from,
    });
    this.#refusedSinceLog = 0;
    this.#refusedLoggedMs = clock.now();
  }

  #byOrigin(entries: readonly NameEntry[]): { known: NameEntry[]; unknown: NameEntry[] } {
    const { isKnownPeer } = this.#options;
    const answers = new Map<PeerName, boolean>();
    const known: NameEntry[] = [];
    const unknown: NameEntry[] = [];
    for (const entry of entries) {
      const isKnown = answers.get(entry.origin) ?? isKnownPeer(entry.origin);
      answers.set(entry.origin, isKnown);
      (isKnown ? known : unknown).push(entry);
    }
    return { known, unknown };
  }

  /**
   * What to announce instead of a claim in our name that is not what we hold; undefined lets the claim stand. `ignore` neither
   * stores nor passes it on.
   */
  #correct(entry: NameEntry): NameEntry | undefined | "ignore" {
    const { self, wallClock } = this.#options;
    if (entry.origin !== self) return undefined;
    const ours = this.table.get(entry);
    if (ours === undefined) {
      if (this.#unknownOwn >= MAX_UNKNOWN_OWN) return "ignore";
      this.#unknownOwn++;
      return isLive(entry) ? withdrawn(entry, wallClock()) : undefined;
    }
    const isLater = entry.version > ours.version;
    const isDisputed = entry.version === ours.version && entry.tombstone !== ours.tombstone;
    if (!isLater && !isDisputed) return undefined;
    // A forged claim at the last version cannot be outbid; it must not become ours either.
    return entry.version >= MAX_VERSION ? "ignore" : { ...ours, version: entry.version + 1 };
  }

  #merge(entries: readonly NameEntry[]): NameEntry[] {
    const later = entries.filter((entry) => {
      const ours = this.table.get(entry);
      return ours === undefined || supersedes(entry, ours);
    });
    const news = later.filter((entry) => this.table.put(entry));
    this.#refuse(later.length - news.length, undefined);
    if (news.length > 0) this.#options.onChange(news);
    return news;
  }

  #adopt(entries: readonly NameEntry[]): void {
    const news = this.#merge(entries);
    // Neighbours may have dropped the same claims because they did not know the origin either.
    if (news.length > 0) this.#sender?.gossip(this.#update([...news].sort(compareEntries)));
  }

  #update(entries: readonly NameEntry[]): NamesUpdate {
    return new NamesUpdate(this.#options.wallClock(), entries, this.#options.codec.encode);
  }

  #broadcast(entries: readonly NameEntry[]): void {
    this.#sender?.broadcast(this.#update([...entries].sort(compareEntries)));
  }

  #scheduleSweep(): () => void {
    return this.#options.clock.after(TOMBSTONE_LIFE_SECONDS * 1000, () => {
      const now = this.#options.wallClock();
      this.#unknownOwn = 0;
      this.table.remove((entry) => !isLive(entry) && now - entry.tombstone > TOMBSTONE_LIFE_SECONDS);
      this.#cancelSweep = this.#scheduleSweep();
    });
  }
}

/** A claim of ours: the stored one, restored if withdrawn, else a new one at version 0. */
export function claim(table: NameTable, init: Parameters<typeof makeEntry>[0]): NameEntry {
  const fresh = makeEntry(init);
  const stored = table.get(fresh);
  return stored === undefined ? fresh : restored(stored);
}
