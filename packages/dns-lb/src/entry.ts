/**
 * A claim: one peer announces that a name of a container is at an address. Here are the rules by which claims compare, merge, are
 * withdrawn, and are restored.
 *
 * Identity is (containerId, origin, address, hostname, type, data), hostname case-sensitively.
 * `version` starts at 0 and grows by one with every withdrawal and every restoration, so that among claims of one identity the
 * larger version is the later one. Between equal versions the later tombstone wins.
 */
import type { PeerName } from "./ports.ts";

/** Kinds of claims: "" is an address claim that every peer understands, the others only travel between `weaved` peers. */
export const CLAIM_TYPES = ["", "AAAA", "SRV", "WEIGHT", "HEALTH"] as const;
/** See {@link CLAIM_TYPES}. */
export type ClaimType = (typeof CLAIM_TYPES)[number];

/**
 * Largest version that is believed: one change a millisecond for 8,900 years. A claim can be outbid only while its version can
 * still grow, and be encoded while it is a safe integer.
 */
export const MAX_VERSION: number = 2 ** 48;
/** Largest peer name: 48 bits. */
const MAX_PEER: number = 2 ** 48 - 1;
/** Longest name that a query can ask for (RFC 1035 section 2.3.4), as text with its final dot. */
const MAX_NAME_CHARS = 254;
/** Longest container id and longest data of a record. An id of Docker has 64 characters. */
const MAX_TEXT_CHARS = 512;

/** A claim as stored. Immutable: a change makes a new object. */
export interface NameEntry {
  readonly containerId: string;
  readonly origin: PeerName;
  /** IPv4 address as an unsigned 32-bit integer; 0 for other claim types. */
  readonly address: number;
  /** Fully qualified, as registered (its case is kept). */
  readonly hostname: string;
  /** `hostname` in lower case: what look-ups compare. */
  readonly key: string;
  readonly version: number;
  /** 0 while live, otherwise the Unix time (seconds) of its withdrawal. */
  readonly tombstone: number;
  readonly type: ClaimType;
  /** Text whose form depends on `type`; "" for address claims. */
  readonly data: string;
}

/** What may be left out when making an entry. */
export type EntryInit = Pick<NameEntry, "containerId" | "origin" | "hostname"> & Partial<Omit<NameEntry, "key">>;

/** A complete entry; missing parts are zero. All entries are made here, so that they share one hidden class. */
export function makeEntry(init: EntryInit): NameEntry {
  const { containerId, origin, hostname, address = 0, version = 0, tombstone = 0, type = "", data = "" } = init;
  return { containerId, origin, address, hostname, key: hostname.toLowerCase(), version, tombstone, type, data };
}

/** Whether an entry has not been withdrawn. */
export const isLive = (entry: NameEntry): boolean => entry.tombstone === 0;

/** Go compares strings by bytes, JavaScript by UTF-16 units; in ASCII, all that DNS names hold, they agree. */
export const compareText = (a: string, b: string): number => (a === b ? 0 : a < b ? -1 : 1);

/** The part of the order that both forms below share; zero says: same identity apart from the hostname's case. */
function compareRest(a: NameEntry, b: NameEntry): number {
  return (
    a.origin - b.origin ||
    compareText(a.containerId, b.containerId) ||
    a.address - b.address ||
    compareText(a.type, b.type) ||
    compareText(a.data, b.data)
  );
}

/** Table order: by lower-case name, origin, container, address. Names differing only in case come last, so zero means identity. */
export const compareEntries = (a: NameEntry, b: NameEntry): number =>
  compareText(a.key, b.key) || compareRest(a, b) || compareText(a.hostname, b.hostname);

/** Wire order: as {@link compareEntries}, but names compare case-sensitively first. */
export const compareOnWire = (a: NameEntry, b: NameEntry): number =>
  compareText(a.hostname, b.hostname) || compareRest(a, b);

/** Whether `theirs` is later than `ours`, both of one identity. */
export const supersedes = (theirs: NameEntry, ours: NameEntry): boolean =>
  theirs.version > ours.version || (theirs.version === ours.version && theirs.tombstone > ours.tombstone);

/** The claim withdrawn at `now` (Unix seconds); the same object if it was withdrawn already. */
export const withdrawn = (entry: NameEntry, now: number): NameEntry =>
  isLive(entry) ? { ...entry, tombstone: now, version: entry.version + 1 } : entry;

/** The claim made again; the same object if it was live. */
export const restored = (entry: NameEntry): NameEntry =>
  isLive(entry) ? entry : { ...entry, tombstone: 0, version: entry.version + 1 };

/**
 * Whether an honest peer could have made an entry. Whatever passes can be stored, outbid, and encoded.
 * @param latest - Unix time after which no tombstone can have been made
 */
export function isPlausible(entry: NameEntry, latest: number): boolean {
  const { containerId, origin, address, hostname, version, tombstone, data } = entry;
  const numbers =
    isWithin(version, MAX_VERSION) &&
    isWithin(tombstone, latest) &&
    isWithin(origin, MAX_PEER) &&
    isWithin(address, 0xffffffff);
  const texts =
    hostname.length <= MAX_NAME_CHARS && containerId.length <= MAX_TEXT_CHARS && data.length <= MAX_TEXT_CHARS;
  return numbers && texts;
}

const isWithin = (value: number, max: number): boolean => Number.isInteger(value) && value >= 0 && value <= max;

/** Merges two lists in table order into one; of one identity the later one is kept. */
export function mergeEntries(a: readonly NameEntry[], b: readonly NameEntry[]): NameEntry[] {
  const merged: NameEntry[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    const left = a[i]!;
    const right = b[j]!;
    const order = compareEntries(left, right);
    if (order <= 0) i++;
    if (order >= 0) j++;
    merged.push(order < 0 ? left : order > 0 ? right : supersedes(right, left) ? right : left);
  }
  while (i < a.length) merged.push(a[i++]!);
  while (j < b.length) merged.push(b[j++]!);
  return merged;
}

/** A list in table order without repeated identities, whatever order and repetitions it came in. */
export function normalise(entries: readonly NameEntry[]): NameEntry[] {
  const sorted = [...entries].sort(compareEntries);
  const unique: NameEntry[] = [];
  for (const entry of sorted) {
    const last = unique.at(-1);
    if (last === undefined || compareEntries(last, entry) !== 0) unique.push(entry);
    else if (supersedes(entry, last)) unique[unique.length - 1] = entry;
  }
  return unique;
}
