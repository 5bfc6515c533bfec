import { type NodeId, PaxosNode, type PaxosState } from "../consensus/paxos.ts";
import { RingError } from "../errors.ts";
import type { PeerName } from "../ports.ts";
import type { Consent } from "../reclaim/consents.ts";
import { checkEntries, type Entry, type Ring } from "../ring/ring.ts";
import type { Cidr, Range } from "../space/address.ts";
import type { Books, OwnedAddresses } from "../space/allocations.ts";

/** The key of the one document, so that the ring and the addresses in use are never of different times. */
export const STORE_KEY = "ipam";

/** What survives a restart: a journal of what has been promised to others. */
export interface Saved {
  readonly format: 1;
  readonly peer: PeerName;
  readonly ring: Ring;
  readonly owned: readonly OwnedAddresses[];
  readonly consent: SavedConsent;
  /** What we promised in the vote on the first ring; absent once there is one. */
  readonly vote?: SavedVote;
}

/**
 * A voter's memory. The original forgets it, and votes as another node after a restart, so that two halves may found two rings.
 * With it a voter keeps its promises.
 */
export interface SavedVote {
  readonly id: NodeId;
  readonly known: PaxosState;
}

/** The part of take-overs. */
export interface SavedConsent {
  /** Drawn at random when there was no saved state: tells a peer that came back from one that was made anew. */
  readonly disk: string;
  readonly members: readonly (readonly [PeerName, string])[];
  readonly gone: readonly (readonly [PeerName, string])[];
  readonly consents: readonly Consent[];
}

/** The document as saved, or undefined when there is none. @throws RingError STATE_UNUSABLE */
export function parseSaved(value: unknown): Saved | undefined {
  if (value === undefined || value === null) return undefined;
  const saved = value as Saved;
  if (saved.format !== 1) throw new RingError("STATE_UNUSABLE", `saved in format ${String(saved.format)}, expected 1`);
  const { ring, owned, consent } = saved;
  const sound =
    Array.isArray(ring?.entries) && ring.entries.every(isEntry) && Array.isArray(owned) && owned.every(isOwned);
  if (!sound || !Array.isArray(consent?.members)) throw new RingError("STATE_UNUSABLE", "the saved state is damaged");
  const invalid = checkEntries(ring, ring.entries);
  if (invalid) throw new RingError("STATE_UNUSABLE", `the saved ring is damaged: ${invalid}`);
  return saved.vote ? { ...saved, vote: reviveVote(saved.vote) } : saved;
}

/** Whether a saved value is an entry of a ring. */
export function isEntry(value: Entry): boolean {
  return [value?.token, value?.peer, value?.version, value?.free].every((part) => Number.isSafeInteger(part));
}

/** Whether a saved value is an ident with its addresses. */
export function isOwned(value: OwnedAddresses): boolean {
  return typeof value?.ident === "string" && Array.isArray(value.addresses);
}

/** Whether the saved state is of this peer and range: otherwise the original starts afresh, and so do we. */
export function isOurs(saved: Saved, peer: PeerName, universe: Range): boolean {
  const { ring } = saved;
  return saved.peer === peer && ring.entries.length > 0 && ring.start === universe.start && ring.end === universe.end;
}

/** The value as JSON has it: the 64-bit numbers, all of the vote, become strings that end in `n`. */
export function toJson({ vote, ...saved }: Saved): unknown {
  if (!vote) return saved;
  const text = JSON.stringify(vote, (_, value) => (typeof value === "bigint" ? `${value}n` : value));
  return { ...saved, vote: JSON.parse(text) };
}

/** The voter that made those promises. */
export function restoreVote({ id, known }: SavedVote): PaxosNode {
  const node = new PaxosNode(id);
  node.update(known);
  return node;
}

/** Takes {@link toJson} back, in the vote only: an ident of a container may look like such a number. */
function reviveVote(vote: unknown): SavedVote {
  return JSON.parse(JSON.stringify(vote), (_, value) =>
    typeof value === "string" && /^\d+n$/.test(value) ? BigInt(value.slice(0, -1)) : value,
  ) as SavedVote;
}

/** Enters the saved addresses into fresh books. */
export function refill(books: Books, owned: readonly OwnedAddresses[]): void {
  for (const { ident, isContainer, addresses } of owned) {
    for (const cidr of addresses as readonly Cidr[]) books.add(ident, cidr, isContainer);
  }
}
