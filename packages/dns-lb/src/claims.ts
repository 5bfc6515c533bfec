/**
 * One replicated set of claims on one gossip channel: what to believe of what others say, and what to pass on.
 *
 * Who may say what: everyone repeats everyone's claims, but the last word on a claim has its origin. So when others hold a
 * later version of one of ours, we outbid it with what we know; and a live claim of ours that we know nothing of (from
 * before a restart) we withdraw.
 */
import { bury, compareEntries, isLive, makeEntry, type NameEntry, normalise, revive, supersedes } from "./entry.ts";
import { DnsError } from "./errors.ts";
import { type EncodeEntries, NamesUpdate } from "./gossip-data.ts";
import { createLimbo, type Limbo } from "./limbo.ts";
import type { Clock, GossipData, GossipHandler, GossipSender, Logger, PeerName, WallClock } from "./ports.ts";
import { NameTable } from "./table.ts";

/** Seconds that a message's timestamp may differ from our clock; half the life of a tombstone. */
export const clockWindowSeconds = 900;
/** Seconds that a dead entry is kept, so that old gossip cannot bring it back; also the interval of the sweep. */
export const tombstoneLifeSeconds = 1800;

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
  /** Called after every change with the entries as they are now. */
  readonly onChange: (changed: readonly NameEntry[]) => void;
}

/** A replicated set of claims. */
export class Claims implements GossipHandler {
  readonly table: NameTable;
  readonly #options: ClaimsOptions;
  readonly #limbo: Limbo;
  #sender: GossipSender | undefined;
  #cancelSweep: () => void;

  constructor(options: ClaimsOptions) {
    this.#options = options;
    this.table = new NameTable(options.domain);
    this.#limbo = createLimbo(options, (entries) => this.#adopt(entries));
    this.#cancelSweep = this.#scheduleSweep();
  }

  /** From now on changes are broadcast through `sender`. */
  attach(sender: GossipSender): void {
    this.#sender = sender;
  }

  /** Stores entries of this peer and broadcasts them, changed or not: a repeated claim repairs what a neighbour lost. */
  publish(entries: readonly NameEntry[]): void {
    if (entries.length === 0) return;
    for (const entry of entries) this.table.put(entry);
    this.#options.onChange(entries);
    this.#broadcast(entries);
  }

  /** Withdraws the live entries of our own that `match` picks, and says so. Returns them as they are now. */
  withdraw(match: (entry: NameEntry) => boolean): readonly NameEntry[] {
    const { self, wallClock } = this.#options;
    const doomed = this.table.select((entry) => entry.origin === self && isLive(entry) && match(entry));
    const buried = doomed.map((entry) => bury(entry, wallClock()));
    this.publish(buried);
    return buried;
  }

  /** Forgets a peer that left the topology, without a word: every peer notices for itself. */
  peerGone(peer: PeerName): void {
    const removed = this.table.remove((entry) => entry.origin === peer);
    if (removed.length > 0) this.#options.onChange(removed.map((entry) => bury(entry, this.#options.wallClock())));
  }

  /** Looks at once whether parked claims have become believable. */
  peerAppeared(): void {
    this.#limbo.check();
  }

  onUnicast(): void {
    // No peer sends unicasts on these channels.
  }

  onBroadcast(_source: PeerName, payload: Uint8Array): GossipData | undefined {
    const { timestamp, accepted } = this.#receive(payload);
    return new NamesUpdate(timestamp, accepted, this.#options.codec.encode);
  }

  onGossip(payload: Uint8Array): GossipData | undefined {
    const { news } = this.#receive(payload);
    return news.length > 0 ? this.#update(news) : undefined;
  }

  gossip(): GossipData | undefined {
    return this.#update(this.table.all());
  }

  /** Ends the sweeping of tombstones. */
  close(): void {
    this.#cancelSweep();
    this.#limbo.close();
  }

  #receive(payload: Uint8Array): { timestamp: number; accepted: NameEntry[]; news: NameEntry[] } {
    const { codec, isKnownPeer, wallClock } = this.#options;
    const { timestamp, entries } = codec.decode(payload);
    const skew = timestamp - wallClock();
    if (Math.abs(skew) > clockWindowSeconds) {
      throw new DnsError(
        "DNS_CLOCK_SKEW",
        `sender's clock is ${skew} s off ours; ${clockWindowSeconds} s are tolerated`,
      );
    }
    const known = new Map<PeerName, boolean>();
    const believable = ({ origin }: NameEntry): boolean => {
      const answer = known.get(origin) ?? isKnownPeer(origin);
      known.set(origin, answer);
      return answer;
    };
    const sorted = normalise(entries);
    this.#limbo.park(sorted.filter((entry) => !believable(entry)));
    const accepted: NameEntry[] = [];
    const corrections: NameEntry[] = [];
    for (const entry of sorted.filter(believable)) {
      const correction = this.#correct(entry);
      if (correction !== undefined) corrections.push(correction);
      accepted.push(correction ?? entry);
    }
    const news = this.#merge(accepted);
    if (corrections.length > 0) this.#broadcast(corrections);
    return { timestamp, accepted, news };
  }

  /** What to say instead of a claim in our name that is not what we hold; undefined lets the claim stand. */
  #correct(entry: NameEntry): NameEntry | undefined {
    const { self, wallClock } = this.#options;
    if (entry.origin !== self) return undefined;
    const ours = this.table.get(entry);
    if (ours === undefined) return isLive(entry) ? bury(entry, wallClock()) : undefined;
    const outdated = entry.version > ours.version;
    const disputed = entry.version === ours.version && entry.tombstone !== ours.tombstone;
    return outdated || disputed ? { ...ours, version: entry.version + 1 } : undefined;
  }

  #merge(entries: readonly NameEntry[]): NameEntry[] {
    const news = entries.filter((entry) => {
      const ours = this.table.get(entry);
      return ours === undefined || supersedes(entry, ours);
    });
    for (const entry of news) this.table.put(entry);
    if (news.length > 0) this.#options.onChange(news);
    return news;
  }

  #adopt(entries: readonly NameEntry[]): void {
    const news = this.#merge(entries);
    // Neighbours may have dropped the same claims for the same reason, so what was new here is passed on late.
    if (news.length > 0) this.#sender?.gossip(this.#update([...news].sort(compareEntries)));
  }

  #update(entries: readonly NameEntry[]): NamesUpdate {
    return new NamesUpdate(this.#options.wallClock(), entries, this.#options.codec.encode);
  }

  #broadcast(entries: readonly NameEntry[]): void {
    this.#sender?.broadcast(this.#update([...entries].sort(compareEntries)));
  }

  #scheduleSweep(): () => void {
    return this.#options.clock.after(tombstoneLifeSeconds * 1000, () => {
      const now = this.#options.wallClock();
      this.table.remove((entry) => !isLive(entry) && now - entry.tombstone > tombstoneLifeSeconds);
      this.#cancelSweep = this.#scheduleSweep();
    });
  }
}

/** An entry of ours: the stored one, revived if dead, else a new one at version 0. */
export function claim(table: NameTable, init: Parameters<typeof makeEntry>[0]): NameEntry {
  const fresh = makeEntry(init);
  const stored = table.get(fresh);
  if (stored === undefined) return fresh;
  return revive(stored);
}
