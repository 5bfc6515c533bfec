import type { RingErrorCode } from "../errors.ts";
import { formatPeer } from "../peer-name.ts";
import type { PeerName } from "../ports.ts";
import { formatIpv4, type Range } from "../space/address.ts";
import type { Entry } from "./entry.ts";
import { checkEntries, distance, findExcess, nextToken, type Ring, raise, rangesBetween } from "./ring.ts";

/** Why a received ring was refused, in Weave Net's words, with what a program needs to name the parties. */
export interface MergeFailure {
  readonly code: Extract<RingErrorCode, "RING_INVALID" | "RING_SEEDS" | "RING_RANGE" | "RING_CONFLICT">;
  readonly message: string;
  /** The entries in conflict. Absent unless the code is RING_CONFLICT. */
  readonly mine?: Entry;
  readonly theirs?: Entry;
}

/** A larger ring is refused: the work that one message causes is bounded. */
const MOST_ENTRIES = 65_536;

/** A merged ring, or why nothing was merged. */
export type MergeResult = { readonly ring: Ring; readonly updated: boolean } | { readonly failure: MergeFailure };

/** The peer for which a merge is done. */
export interface MergeContext {
  readonly us: PeerName;
  /** Whether any address of the ranges is not free in our allocations. */
  readonly hasAllocations: (ranges: readonly Range[]) => boolean;
  /**
   * What decides between two owners at the same version, when both announce the same number of free addresses. `keep` is Weave
   * Net's: each side keeps its own, which may never converge. `lowest` prefers the lower peer name, and the winner itself raises
   * the version, so that Weave Net peers follow too. @defaultValue "keep"
   */
  readonly tie?: "keep" | "lowest";
  /**
   * Entries were held back: the received ring was checked before, and counts of free addresses are cut to what is left of their
   * ranges. @defaultValue false
   */
  readonly isPartial?: boolean;
}

/**
 * Merges a received ring into ours by the rules of Weave Net (docs/protocol/ipam.md#9.3).
 *
 * Newer versions win. An entry of ours becomes another peer's only when no address in it is in use here. Either all of it is
 * merged or nothing.
 */
export function mergeRings(mine: Ring, theirs: Ring, context: MergeContext): MergeResult {
  const refused = context.isPartial ? undefined : checkReceived(mine, theirs);
  if (refused) return { failure: refused };
  if (repeats(mine, theirs)) return { ring: mine, updated: false };
  const walk = new Walk(mine, theirs, context);
  const failure = walk.run();
  if (failure) return { failure };
  const entries = capFree(mine, walk.result, context);
  const invalid = checkEntries(mine, entries) ?? describeExcess(mine, entries);
  if (invalid) return { failure: { code: "RING_INVALID", message: `Merge of incoming data causes: ${invalid}` } };
  const seeds = mine.seeds.length === 0 && theirs.seeds.length > 0 ? theirs.seeds : mine.seeds;
  const isNews = seeds !== mine.seeds || entries.some((entry, i) => entry !== mine.entries[i]);
  return { ring: isNews ? { ...mine, entries, seeds } : mine, updated: walk.updated };
}

/** Most gossip repeats what is known: then the ring stays the same object, and there is nothing to save. */
function repeats(mine: Ring, theirs: Ring): boolean {
  if (theirs.entries.length !== mine.entries.length || (mine.seeds.length === 0 && theirs.seeds.length > 0))
    return false;
  return theirs.entries.every(({ token, peer, version, free }, i) => {
    const ours = mine.entries[i]!;
    return version === ours.version && free === ours.free && token === ours.token && peer === ours.peer;
  });
}

/** Why a ring cannot be merged at all. */
export function checkReceived(mine: Ring, theirs: Ring): MergeFailure | undefined {
  if (theirs.entries.length > MOST_ENTRIES) {
    return { code: "RING_INVALID", message: `Received ring has more than ${MOST_ENTRIES} entries` };
  }
  const invalid = checkEntries(theirs, theirs.entries) ?? describeExcess(theirs, theirs.entries);
  if (invalid) return { code: "RING_INVALID", message: invalid };
  const seeded = mine.seeds.length > 0 && theirs.seeds.length > 0;
  if (seeded && mine.seeds.join() !== theirs.seeds.join()) {
    return { code: "RING_SEEDS", message: "Received ring was seeded differently from ours" };
  }
  if (mine.start !== theirs.start || mine.end !== theirs.end) {
    return { code: "RING_RANGE", message: "Received range differs from ours" };
  }
  return undefined;
}

function describeExcess(ring: Range, entries: readonly Entry[]): string | undefined {
  const at = findExcess(ring, entries);
  const entry = entries[at];
  if (!entry) return undefined;
  const next = nextToken(entries, at);
  const most = distance(ring, entry.token, next);
  return `Entry ${formatIpv4(entry.token)}-${formatIpv4(next)} reporting too much free space: ${entry.free} > ${most}`;
}

/** Splitting a range of ours leaves its old count of free addresses too high. */
function capFree(ring: Range, entries: readonly Entry[], { us, isPartial }: MergeContext): Entry[] {
  return entries.map((entry, i) => {
    const most = distance(ring, entry.token, nextToken(entries, i));
    return (isPartial || entry.peer === us) && entry.free > most ? { ...entry, free: most } : entry;
  });
}

/** One pass over both lists in token order. */
class Walk {
  readonly result: Entry[] = [];
  updated = false;
  readonly #mine: Ring;
  readonly #theirs: Ring;
  readonly #context: MergeContext;
  /** Owner of the last entry of ours that was kept; forgotten when one of theirs is taken. */
  #previous: PeerName | undefined;

  constructor(mine: Ring, theirs: Ring, context: MergeContext) {
    this.#mine = mine;
    this.#theirs = theirs;
    this.#context = context;
  }

  run(): MergeFailure | undefined {
    const ours = this.#mine.entries;
    const others = this.#theirs.entries;
    let i = 0;
    let j = 0;
    while (i < ours.length && j < others.length) {
      const mine = ours[i]!;
      const theirs = others[j]!;
      let failure: MergeFailure | undefined;
      if (mine.token < theirs.token) this.#keep(ours[i++]!);
      else if (mine.token > theirs.token) failure = this.#insert(others[j++]!, mine.token);
      else failure = this.#same(mine, others[j++]!, nextToken(ours, i++));
      if (failure) return failure;
    }
    for (; i < ours.length; i++) this.result.push(ours[i]!);
    for (; j < others.length; j++) {
      // Weave Net does not look at allocations here; peers that decide differently would never agree.
      if (this.#splitsOurs(others[j]!)) return splitFailure(others[j]!);
      this.#take(others[j]!);
    }
    return undefined;
  }

  #keep(entry: Entry): void {
    this.result.push(entry);
    this.#previous = entry.peer;
  }

  #take(entry: Entry): void {
    this.result.push(entry);
    this.updated = true;
    this.#previous = undefined;
  }

  #splitsOurs(theirs: Entry): boolean {
    const { us } = this.#context;
    return this.#previous === us && theirs.peer !== us;
  }

  #inUse(from: number, to: number): boolean {
    return this.#context.hasAllocations(rangesBetween(this.#mine, from, to));
  }

  #insert(theirs: Entry, next: number): MergeFailure | undefined {
    if (this.#splitsOurs(theirs) && this.#inUse(theirs.token, next)) return splitFailure(theirs);
    this.#take(theirs);
    return undefined;
  }

  #same(mine: Entry, theirs: Entry, next: number): MergeFailure | undefined {
    const isOurs = mine.peer === this.#context.us;
    if (mine.version > theirs.version) this.#keep(mine);
    else if (mine.version === theirs.version) {
      if (mine.peer === theirs.peer) this.#keep(mine);
      else if (isOurs && this.#inUse(mine.token, next)) return ownersFailure(mine, theirs);
      else this.#decide(mine, theirs);
    } else if (!isOurs) this.#take(theirs);
    else if (theirs.peer === this.#context.us) {
      // Another peer remembers more of our own past than we do: outrank it. Weave Net keeps the older entry.
      this.result.push({ ...mine, version: raise(theirs.version) });
    } else if (this.#inUse(mine.token, next)) return newerFailure(mine, theirs);
    else this.#take(theirs);
    return undefined;
  }

  /** Two owners at the same version: a race that only reclaims can cause. */
  #decide(mine: Entry, theirs: Entry): void {
    const { tie = "keep", us } = this.#context;
    if (mine.free < theirs.free) return this.#take(theirs);
    if (mine.free > theirs.free || tie === "keep") return this.#keep(mine);
    if (theirs.peer < mine.peer) return this.#take(theirs);
    if (mine.peer !== us) return this.#keep(mine);
    this.#keep({ ...mine, version: raise(mine.version) });
    this.updated = true;
  }
}

function splitFailure(theirs: Entry): MergeFailure {
  const message = `Peer ${formatPeer(theirs.peer)} says it owns the IP range from ${formatIpv4(theirs.token)}, which I think I own`;
  return { code: "RING_CONFLICT", message, theirs };
}

function ownersFailure(mine: Entry, theirs: Entry): MergeFailure {
  const message = `Inconsistent entries for ${formatIpv4(mine.token)}: owned by ${formatPeer(mine.peer)} but incoming message says ${formatPeer(theirs.peer)}`;
  return { code: "RING_CONFLICT", message, mine, theirs };
}

function newerFailure(mine: Entry, theirs: Entry): MergeFailure {
  const message = `Received update for IP range I own at ${formatIpv4(mine.token)} v${mine.version}: incoming message says owner ${formatPeer(theirs.peer)} v${theirs.version}`;
  return { code: "RING_CONFLICT", message, mine, theirs };
}
