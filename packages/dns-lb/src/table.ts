/**
 * All claims of the cluster, indexed for the two questions of DNS: which addresses has a name, which name has an address.
 *
 * A look-up costs one hash, whatever the size; the sorted list of everything is made when needed, then kept until the
 * next change (periodic gossip needs it every 30 s).
 */
import { countLabels, parentOf } from "./domain.ts";
import { compareEntries, isLive, type NameEntry } from "./entry.ts";

interface Bucket {
  /** In table order. */
  readonly entries: NameEntry[];
  live: number;
}

const NONE: readonly NameEntry[] = [];

/** Claims in all; 100,000 take 62 MB. */
const MAX_ENTRIES = 1 << 18;
/** Claims of one name, so that putting and answering one stays cheap. */
const MAX_PER_NAME = 4096;
/** Names of one address that a reverse look-up chooses from. */
const MAX_NAMES_PER_ADDRESS = 256;

/** Position of an entry of the same identity, or where it belongs: `~position`. */
function search(entries: readonly NameEntry[], wanted: NameEntry): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const order = compareEntries(entries[middle]!, wanted);
    if (order === 0) return middle;
    if (order < 0) low = middle + 1;
    else high = middle;
  }
  return ~low;
}

/** The replicated set of entries. Holds at most one entry per identity. */
export class NameTable {
  /** Bounded by: `MAX_ENTRIES`, withdrawn ones for 30 more minutes included. */
  readonly #buckets = new Map<string, Bucket>();
  /** Lower-case names by address. Bounded by: as `#buckets`, `MAX_NAMES_PER_ADDRESS` for each. */
  readonly #byAddress = new Map<number, string | Set<string>>();
  /** How many live names lie strictly below a name (RFC 8020). Bounded by: as `#buckets`, times labels. */
  readonly #below = new Map<string, number>();
  readonly #domainLabels: number;
  #sorted: readonly NameEntry[] | undefined;
  #size = 0;
  #generation = 0;

  constructor(domain: string) {
    this.#domainLabels = countLabels(domain);
  }

  /** Number of entries, withdrawn ones included. */
  get size(): number {
    return this.#size;
  }

  /** Grows with every change; equal generations mean equal contents. */
  get generation(): number {
    return this.#generation;
  }

  /** The stored entry with the identity of `like`. */
  get(like: NameEntry): NameEntry | undefined {
    const entries = this.#buckets.get(like.key)?.entries;
    return entries?.[search(entries, like)];
  }

  /** Stores an entry in place of the one of its identity, if any. False when there is no room for a new one. */
  put(entry: NameEntry): boolean {
    const bucket = this.#buckets.get(entry.key) ?? { entries: [], live: 0 };
    const at = search(bucket.entries, entry);
    if (at < 0 && (this.#size >= MAX_ENTRIES || bucket.entries.length >= MAX_PER_NAME)) return false;
    if (bucket.entries.length === 0) this.#buckets.set(entry.key, bucket);
    const before = bucket.live;
    if (at >= 0) {
      bucket.live -= Number(isLive(bucket.entries[at]!));
      bucket.entries[at] = entry;
    } else {
      bucket.entries.splice(~at, 0, entry);
      this.#size++;
      this.#indexAddress(entry);
    }
    bucket.live += Number(isLive(entry));
    this.#noteLive(entry.key, before, bucket.live);
    this.#changed();
    return true;
  }

  /** Removes every entry that `drop` picks. Returns those. */
  remove(drop: (entry: NameEntry) => boolean): NameEntry[] {
    const removed: NameEntry[] = [];
    for (const [key, bucket] of this.#buckets) {
      const kept = bucket.entries.filter((entry) => !drop(entry));
      if (kept.length === bucket.entries.length) continue;
      const gone = bucket.entries.filter(drop);
      removed.push(...gone);
      const before = bucket.live;
      const live = kept.filter(isLive).length;
      if (kept.length === 0) this.#buckets.delete(key);
      else this.#buckets.set(key, { entries: kept, live });
      this.#noteLive(key, before, live);
      for (const entry of gone) {
        if (!kept.some((other) => other.address === entry.address)) this.#unindexAddress(entry);
      }
    }
    this.#size -= removed.length;
    if (removed.length > 0) this.#changed();
    return removed;
  }

  /** Entries of a lower-case name in table order, withdrawn ones included. Borrowed until the next change. */
  find(key: string): readonly NameEntry[] {
    return this.#buckets.get(key)?.entries ?? NONE;
  }

  /** The first live entry in table order with this address. */
  reverse(address: number): NameEntry | undefined {
    const keys = this.#byAddress.get(address);
    if (keys === undefined) return undefined;
    for (const key of typeof keys === "string" ? [keys] : [...keys].sort()) {
      const match = this.find(key).find((entry) => entry.address === address && isLive(entry));
      if (match !== undefined) return match;
    }
    return undefined;
  }

  /** Whether a live name exists strictly below this lower-case one. */
  hasBelow(key: string): boolean {
    return this.#below.has(key);
  }

  /** Entries that `match` picks, in no order. */
  select(match: (entry: NameEntry) => boolean): NameEntry[] {
    const selected: NameEntry[] = [];
    for (const { entries } of this.#buckets.values()) {
      for (const entry of entries) if (match(entry)) selected.push(entry);
    }
    return selected;
  }

  /** Everything in table order. Borrowed until the next change. */
  all(): readonly NameEntry[] {
    if (this.#sorted === undefined) {
      const keys = [...this.#buckets.keys()].sort();
      const sorted: NameEntry[] = [];
      for (const key of keys) for (const entry of this.find(key)) sorted.push(entry);
      this.#sorted = sorted;
    }
    return this.#sorted;
  }

  #changed(): void {
    this.#sorted = undefined;
    this.#generation++;
  }

  #indexAddress({ address, key, type }: NameEntry): void {
    if (type !== "") return;
    const keys = this.#byAddress.get(address);
    if (keys === undefined) this.#byAddress.set(address, key);
    else if (typeof keys !== "string") {
      if (keys.size < MAX_NAMES_PER_ADDRESS) keys.add(key);
    } else if (keys !== key) this.#byAddress.set(address, new Set([keys, key]));
  }

  #unindexAddress({ address, key, type }: NameEntry): void {
    if (type !== "") return;
    const keys = this.#byAddress.get(address);
    if (keys === key) this.#byAddress.delete(address);
    if (typeof keys !== "object") return;
    keys.delete(key);
    if (keys.size === 0) this.#byAddress.delete(address);
  }

  #noteLive(key: string, before: number, after: number): void {
    if (before > 0 === after > 0) return;
    let above = parentOf(key);
    for (let labels = countLabels(above); labels > this.#domainLabels; labels--) {
      const count = (this.#below.get(above) ?? 0) + (after > 0 ? 1 : -1);
      if (count === 0) this.#below.delete(above);
      else this.#below.set(above, count);
      above = parentOf(above);
    }
  }
}
