/**
 * What a peer believes about all peers: a replicated set in which every peer writes only its own record, and raises its
 * version each time. Merging takes the higher version, so order and repetition of updates do not matter.
 */
import type { PeerName, Random } from "../ports.ts";
import { MAX_PEERS, MAX_VERSION } from "./bounds.ts";
import { digestOf } from "./digest.ts";
import { LinkHistory } from "./history.ts";
import { type EncodedRecord, encodeRecord, joinRecords, placeholder } from "./payload.ts";
import { type Graph, type Link, type PeerRecord, withLink, withoutLink } from "./record.ts";
import { ShortIds } from "./short-ids.ts";

/** What an update did. */
export interface Applied {
  /** Peers that it describes. */
  readonly received: readonly PeerName[];
  /** Peers about which it said something new: worth passing on. */
  readonly changed: readonly PeerName[];
  /** Our own record had to change: get past an earlier incarnation, or draw another short id. */
  readonly selfChanged: boolean;
  /** Another incarnation of ourselves that had to be outgrown. */
  readonly rival: PeerRecord | undefined;
}

interface Entry {
  record: PeerRecord;
  /** Local connections to it; kept from collection while there are any. */
  references: number;
  /** Made when first asked for, dropped when the record changes. */
  encoded: EncodedRecord | undefined;
  /** Only for records that have changed: most never do. */
  history: LinkHistory | undefined;
}

/** Identity of the peer that holds the topology. */
export interface SelfOptions {
  readonly name: PeerName;
  readonly nickname: string;
  readonly uid: bigint;
  readonly random: Random;
}

/** One peer's topology. */
export class Topology implements Graph {
  readonly self: PeerName;
  /** Bounded by: MAX_PEERS; peers that are not reachable over reported links are removed after a second. */
  readonly #entries = new Map<PeerName, Entry>();
  #shortIds = new ShortIds();
  readonly #random: Random;
  #digest = 0n;
  #revision = 0;

  constructor(options: SelfOptions) {
    this.self = options.name;
    this.#random = options.random;
    const shortId = this.#shortIds.draw(options.random)!;
    this.#install({
      ...placeholder(options.name),
      nickname: options.nickname,
      uid: options.uid,
      shortId,
      hasShortId: true,
    });
  }

  /** A topology with given contents, as saved or recorded. `own` replaces the record that a new peer would start with. */
  static restore(own: PeerRecord, records: Iterable<PeerRecord>, random: Random): Topology {
    const topology = new Topology({ ...own, random });
    topology.#entries.clear();
    topology.#shortIds = new ShortIds();
    topology.#digest = 0n;
    for (const record of records) topology.#install(record);
    return topology;
  }

  get(name: PeerName): PeerRecord | undefined {
    return this.#entries.get(name)?.record;
  }
  get size(): number {
    return this.#entries.size;
  }
  /** Our own record. */
  get own(): PeerRecord {
    return this.#entries.get(this.self)!.record;
  }
  /** Names of all known peers, placeholders included. */
  names(): IterableIterator<PeerName> {
    return this.#entries.keys();
  }
  /** All records. */
  *records(): Generator<PeerRecord> {
    for (const entry of this.#entries.values()) yield entry.record;
  }
  /** Goes up whenever any record changes, appears, or disappears. */
  get revision(): number {
    return this.#revision;
  }
  /** The peer that a short id means. */
  principal(shortId: number): PeerName | undefined {
    return this.#shortIds.principal(shortId);
  }
  /** Equal at two peers that believe the same. 64 bits, independent of order. */
  get digest(): bigint {
    return this.#digest;
  }

  /** Merges an update. */
  apply(update: readonly PeerRecord[]): Applied {
    const created = new Set<PeerRecord>();
    for (const record of update) {
      if (this.#entries.has(record.name) || this.#entries.size >= MAX_PEERS) continue;
      this.#install(record);
      created.add(record);
    }
    const changed: PeerName[] = [];
    let selfChanged = false;
    let rival: PeerRecord | undefined;
    for (const record of update) {
      if (record.name === this.self) {
        if (!this.#outgrow(record)) continue;
        selfChanged = true;
        rival = record;
        continue;
      }
      if (!this.#entries.has(record.name)) continue;
      if (created.has(record)) changed.push(record.name);
      else if (this.isNews(record)) {
        this.#install(record);
        changed.push(record.name);
      } else continue;
      for (const link of record.links) this.#mention(link.to);
    }
    if (changed.length > 0) selfChanged = this.#keepShortId() || selfChanged;
    return { received: update.map((record) => record.name), changed, selfChanged, rival };
  }

  #mention(name: PeerName): void {
    if (!this.#entries.has(name) && this.#entries.size < MAX_PEERS) this.#install(placeholder(name));
  }

  /** Whether a record, but for its links, is to replace what is known. Our own never is. */
  isNews(record: PeerRecord): boolean {
    const known = this.get(record.name);
    if (!known) return true;
    if (record.name === this.self) return false;
    if (record.version !== known.version) return record.version > known.version;
    if (record.uid !== known.uid) return record.uid > known.uid;
    return record.hasShortId && !known.hasShortId;
  }

  /** Gets our version past one that an earlier life of ours has left behind. */
  #outgrow(record: PeerRecord): boolean {
    // A version at the bound cannot be outgrown; our neighbours, who hear our own word, do not believe it either.
    if (record.uid === this.own.uid || record.version < this.own.version || record.version >= MAX_VERSION) return false;
    this.#install({ ...this.own, version: record.version + 1n });
    return true;
  }

  /** Adds a peer that the handshake brought, unless it is known. It stays until released and unreachable. */
  adopt(record: PeerRecord): PeerRecord {
    if (!this.#entries.has(record.name)) this.#install(record);
    this.#entries.get(record.name)!.references++;
    return this.get(record.name)!;
  }

  /** Undoes one `adopt`. */
  release(name: PeerName): void {
    const entry = this.#entries.get(name);
    if (entry) entry.references--;
  }

  /** Adds or changes a link of our own. */
  setLink(link: Link): void {
    this.#changeSelf({ links: withLink(this.own.links, link) });
  }
  /** Removes a link of our own. */
  dropLink(to: PeerName): void {
    this.#changeSelf({ links: withoutLink(this.own.links, to) });
  }

  #changeSelf(change: Partial<PeerRecord>): void {
    this.#install({ ...this.own, ...change, version: this.own.version + 1n });
  }

  /** Draws another short id if a peer of lower name has ours. True if that changed our record. */
  #keepShortId(): boolean {
    if (this.#shortIds.principal(this.own.shortId) === this.self) return false;
    const shortId = this.#shortIds.draw(this.#random);
    if (shortId === undefined) return false;
    this.#changeSelf({ shortId });
    return true;
  }

  /** Removes peers that cannot be reached over any reported link. Returns them, and whether our own record changed. */
  collect(): { removed: PeerRecord[]; selfChanged: boolean } {
    const reached = this.#reachable();
    if (reached.size === this.#entries.size) return { removed: [], selfChanged: false };
    const removed: PeerRecord[] = [];
    for (const [name, { record, references }] of this.#entries) {
      if (reached.has(name) || references > 0) continue;
      this.#entries.delete(name);
      this.#forgetShortId(record);
      this.#digest ^= digestOf(record);
      removed.push(record);
    }
    if (removed.length > 0) this.#revision++;
    return { removed, selfChanged: removed.length > 0 && this.#keepShortId() };
  }

  #reachable(): Set<PeerName> {
    const reached = new Set([this.self]);
    // A Set grows while it is iterated, so it is its own queue.
    for (const name of reached) {
      if (reached.size === this.#entries.size) break;
      for (const link of this.get(name)?.links ?? []) reached.add(link.to);
    }
    return reached;
  }

  #install(record: PeerRecord): void {
    const entry = this.#entries.get(record.name);
    this.#revision++;
    this.#digest ^= digestOf(record);
    if (!entry) {
      this.#entries.set(record.name, { record, references: 0, encoded: undefined, history: undefined });
      if (record.hasShortId) this.#shortIds.add(record.shortId, record.name);
      return;
    }
    const before = entry.record;
    this.#digest ^= digestOf(before);
    entry.record = record;
    entry.encoded = undefined;
    entry.history ??= new LinkHistory();
    entry.history.record(before, record);
    if (before.shortId === record.shortId && before.hasShortId === record.hasShortId) return;
    this.#forgetShortId(before);
    if (record.hasShortId) this.#shortIds.add(record.shortId, record.name);
  }

  #forgetShortId(record: PeerRecord): void {
    if (record.hasShortId) this.#shortIds.remove(record.shortId, record.name);
  }

  /** Recent changes of a peer's links. */
  history(name: PeerName): LinkHistory | undefined {
    return this.#entries.get(name)?.history;
  }

  /** The payload that describes some peers, from what is known now. Unknown ones are left out. */
  encode(names: Iterable<PeerName>): Uint8Array {
    const parts: EncodedRecord[] = [];
    for (const name of names) {
      const entry = this.#entries.get(name);
      if (!entry) continue;
      entry.encoded ??= encodeRecord(entry.record);
      parts.push(entry.encoded);
    }
    return joinRecords(parts);
  }
}
