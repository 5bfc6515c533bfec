import { RingError } from "../errors.ts";
import type { OwnedRange, PeerName } from "../ports.ts";
import type { Range } from "../space/address.ts";
import { search } from "../space/interval-set.ts";
import type { Entry } from "./entry.ts";
import { normaliseSeeds, shares } from "./seed.ts";

/**
 * The owners of all ranges. A value: every change makes a new one, so a snapshot on its way to the disk or the wire stays what it was.
 * Bounded by: one entry per address at worst; tokens are never removed, because the wire knows no tombstones.
 */
export interface Ring extends Range {
  /** Sorted by token, each token once. */
  readonly entries: readonly Entry[];
  /** The peers it was first divided among; rings of different seeds never mix. */
  readonly seeds: readonly PeerName[];
}

/** A ring with the name of the peer that encoded it. */
export type SentRing = Ring & { readonly peer: PeerName };

/** A reclaim outranks later changes of the former owner: its versions rise by this (docs/protocol/ipam.md#9.7). */
export const TRANSFER_VERSION_STEP = 100;

/** No version rises above this: a higher one could not be outranked in the 32 bits of the wire. */
export const MOST_VERSION: number = 2 ** 31 - 1;

/** A version raised by a step, as far as it goes. */
export function raise(version: number, step = 1): number {
  return Math.min(version + step, MOST_VERSION);
}

/** A ring without owners. */
export function emptyRing(universe: Range): Ring {
  return { start: universe.start, end: universe.end, entries: [], seeds: [] };
}

/** The whole range divided among peers. */
export function seedRing(universe: Range, peers: readonly PeerName[]): Ring {
  const seeds = normaliseSeeds(peers);
  return { start: universe.start, end: universe.end, entries: shares(universe.start, universe.end, seeds), seeds };
}

/** Addresses from one token to another, going round. */
export function distance(ring: Range, from: number, to: number): number {
  return to > from ? to - from : ring.end - from + (to - ring.start);
}

/** The token behind an entry, going round. */
export function nextToken(entries: readonly Entry[], index: number): number {
  return entries[(index + 1) % entries.length]!.token;
}

/** The one or two ranges from a token to another one, going round. */
export function rangesBetween(ring: Range, from: number, to: number): Range[] {
  if (to === ring.start) return [{ start: from, end: ring.end }];
  if (to > from) return [{ start: from, end: to }];
  return [
    { start: ring.start, end: to },
    { start: from, end: ring.end },
  ];
}

/** Why a list of entries is not a ring of this range, or undefined. The words are Weave Net's. */
export function checkEntries(ring: Range, entries: readonly Entry[]): string | undefined {
  const first = entries[0];
  const last = entries.at(-1);
  if (!first || !last) return undefined;
  for (let i = 1; i < entries.length; i++) if (entries[i]!.token < entries[i - 1]!.token) return "Ring not sorted";
  for (let i = 1; i < entries.length; i++) {
    if (entries[i]!.token === entries[i - 1]!.token) return "Token appears twice in ring";
  }
  if (first.token < ring.start || last.token >= ring.end) return "Token is out of range";
  return undefined;
}

/** Index of the first entry that announces more free addresses than it has, or -1. */
export function findExcess(ring: Range, entries: readonly Entry[]): number {
  return entries.findIndex((entry, i) => entry.free > distance(ring, entry.token, nextToken(entries, i)));
}

/** Index of the entry that owns an address; -1 in an empty ring. */
export function indexOf(ring: Ring, address: number): number {
  const above = search(ring.entries, (entry) => entry.token > address);
  return above > 0 ? above - 1 : ring.entries.length - 1;
}

/** Owner of an address of the ring's range; undefined in an empty ring. */
export function ownerOf(ring: Ring, address: number): PeerName | undefined {
  return ring.entries[indexOf(ring, address)]?.peer;
}

/** All ranges with their owners, low to high; a wrapped one is cut in two. */
export function allRanges(ring: Ring): (OwnedRange & { readonly version: number })[] {
  const { entries } = ring;
  const result = entries.flatMap(({ token, peer, version }, i) =>
    rangesBetween(ring, token, nextToken(entries, i)).map((range) => ({ ...range, peer, version })),
  );
  return result.sort((a, b) => a.start - b.start);
}

/** The ranges of one peer, low to high. */
export function rangesOf(ring: Ring, peer: PeerName): Range[] {
  const { entries } = ring;
  const result: Range[] = [];
  entries.forEach((entry, i) => {
    if (entry.peer === peer) result.push(...rangesBetween(ring, entry.token, nextToken(entries, i)));
  });
  return result.sort((a, b) => a.start - b.start);
}

/**
 * Grants a part of our own space to another peer (docs/protocol/ipam.md#9.2).
 *
 * @throws RingError RING_INVALID when a part of it is not ours: that would make two owners
 */
export function grant(ring: Ring, { start, end }: Range, us: PeerName, to: PeerName): Ring {
  const entries = [...ring.entries];
  const at = search(entries, (entry) => entry.token > start) - 1;
  const before = entries[(at + entries.length) % entries.length];
  if (!before || start >= end || start < ring.start || end > ring.end || before.peer !== us) {
    throw new RingError("RING_INVALID", "only the owner of a range can grant it");
  }
  const free = Math.min(end - start, distance(ring, start, nextToken(entries, at)));
  let next = at + 1;
  if (before.token === start) {
    entries[at] = { token: start, peer: to, version: raise(before.version), free };
  } else {
    entries[(at + entries.length) % entries.length] = {
      ...before,
      version: raise(before.version),
      free: distance(ring, before.token, start),
    };
    entries.splice(next++, 0, { token: start, peer: to, version: 0, free });
  }
  for (; next < entries.length && entries[next]!.token < end; next++) {
    const { token, peer, version, free: was } = entries[next]!;
    if (peer !== us) throw new RingError("RING_INVALID", "only the owner of a range can grant it");
    entries[next] = { token, peer: to, version: raise(version), free: Math.min(was, distance(ring, token, end)) };
  }
  // The end of the range is never a token: what follows it is its start.
  const behind = end === ring.end ? ring.start : end;
  const place = search(entries, (entry) => entry.token >= behind);
  if (entries[place]?.token !== behind) {
    const follows = entries[place % entries.length]!.token;
    entries.splice(place, 0, { token: behind, peer: us, version: 0, free: distance(ring, behind, follows) });
  }
  return { ...ring, entries };
}

/** Makes all of a peer's entries another peer's. */
export function transfer(ring: Ring, from: PeerName, to: PeerName): Ring {
  const entries = ring.entries.map((entry) =>
    entry.peer === from ? { ...entry, peer: to, version: raise(entry.version, TRANSFER_VERSION_STEP) } : entry,
  );
  return { ...ring, entries };
}

/** Enters how many addresses are free in our own entries; the same ring when nothing changed. */
export function reportFree(ring: Ring, us: PeerName, freeIn: (range: Range) => number): Ring {
  const { entries } = ring;
  let changed = false;
  const updated = entries.map((entry, i) => {
    if (entry.peer !== us) return entry;
    const parts = rangesBetween(ring, entry.token, nextToken(entries, i));
    const free = parts.reduce((sum, part) => sum + freeIn(part), 0);
    // Without a higher version the others would not take the count, and differ from us.
    if (free === entry.free || entry.version >= MOST_VERSION) return entry;
    changed = true;
    return { ...entry, free, version: raise(entry.version) };
  });
  return changed ? { ...ring, entries: updated } : ring;
}

/** Peers that own space which overlaps a range, with the sum of free addresses that they announce in those entries. */
export function freeOfOthers(ring: Ring, range: Range, us: PeerName): Map<PeerName, number> {
  const free = new Map<PeerName, number>();
  const { entries } = ring;
  entries.forEach((entry, i) => {
    if (entry.peer === us || entry.free === 0) return;
    const parts = rangesBetween(ring, entry.token, nextToken(entries, i));
    if (!parts.some((part) => part.start < range.end && part.end > range.start)) return;
    free.set(entry.peer, (free.get(entry.peer) ?? 0) + entry.free);
  });
  return free;
}
