import type { Cidr, Range } from "./address.ts";
import type { Books, OwnedAddresses } from "./books.ts";
import { RingError } from "./errors.ts";
import { PaxosNode, type PaxosState } from "./paxos.ts";
import type { PeerName } from "./ports.ts";
import { checkEntries, type Entry, type Ring } from "./ring.ts";

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
 * A voter's memory as JSON text, its 64-bit numbers as strings. The original forgets it, and votes as another node after a restart,
 * so two halves may found two rings. With it a voter keeps its promises.
 */
export interface SavedVote {
  readonly name: PeerName;
  readonly uid: string;
  readonly known: string;
}

/** The part of take-overs. */
export interface SavedConsent {
  /** Drawn at random when there was no saved state: tells a peer that came back from one that was made anew. */
  readonly disk: string;
  readonly members: readonly (readonly [PeerName, string])[];
  readonly gone: readonly (readonly [PeerName, string])[];
  readonly consents: readonly { readonly dead: PeerName; readonly claimant: PeerName; readonly session: string }[];
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
  return saved;
}

function isEntry(value: Entry): boolean {
  return [value?.token, value?.peer, value?.version, value?.free].every((part) => Number.isSafeInteger(part));
}

function isOwned(value: OwnedAddresses): boolean {
  return typeof value?.ident === "string" && Array.isArray(value.addresses);
}

/** Whether the saved state is of this peer and range: otherwise the original starts afresh, and so do we. */
export function isOurs(saved: Saved, peer: PeerName, universe: Range): boolean {
  const { ring } = saved;
  return saved.peer === peer && ring.entries.length > 0 && ring.start === universe.start && ring.end === universe.end;
}

/** What a voter must not forget. */
export function saveVote({ id, state }: PaxosNode): SavedVote {
  const known = JSON.stringify(state, (_, value) => (typeof value === "bigint" ? `${value}n` : value));
  return { name: id.name, uid: String(id.uid), known };
}

/** The voter that made those promises. */
export function restoreVote({ name, uid, known }: SavedVote): PaxosNode {
  const node = new PaxosNode({ name, uid: BigInt(uid) });
  node.update(
    JSON.parse(known, (_, value) => (/^\d+n$/.test(String(value)) ? BigInt(value.slice(0, -1)) : value)) as PaxosState,
  );
  return node;
}

/** Enters the saved addresses into fresh books. */
export function refill(books: Books, owned: readonly OwnedAddresses[]): void {
  for (const { ident, isContainer, addresses } of owned) {
    for (const cidr of addresses as readonly Cidr[]) books.add(ident, cidr, isContainer);
  }
}
