import type { SavedVote } from "../consensus/vote.ts";
import { RingError } from "../errors.ts";
import type { PeerName } from "../ports.ts";
import type { SavedConsent } from "../reclaim/consents.ts";
import type { Entry } from "../ring/entry.ts";
import { checkEntries, type Ring } from "../ring/ring.ts";
import type { Cidr, Range } from "../space/address.ts";
import type { Allocations, OwnedAddresses } from "../space/allocations.ts";

/** The key of the one document, so that the ring and the addresses in use are never of different times. */
export const STORE_KEY = "ipam";

/** The state that survives a restart: everything that has been promised to other peers. */
export interface Saved {
  readonly format: 1;
  readonly peer: PeerName;
  readonly ring: Ring;
  readonly owned: readonly OwnedAddresses[];
  readonly consent: SavedConsent;
  /** Our promises in the vote on the first ring; absent once there is one. */
  readonly vote?: SavedVote;
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

/** Whether the saved state is of this peer and range: otherwise Weave Net starts without state, and so do we. */
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

/** Reverts {@link toJson}, in the vote only: the ident of a container may look like such a number. */
function reviveVote(vote: unknown): SavedVote {
  return JSON.parse(JSON.stringify(vote), (_, value) =>
    typeof value === "string" && /^\d+n$/.test(value) ? BigInt(value.slice(0, -1)) : value,
  ) as SavedVote;
}

/** Enters the saved addresses into empty allocations. */
export function refill(allocations: Allocations, owned: readonly OwnedAddresses[]): void {
  for (const { ident, isContainer, addresses } of owned) {
    for (const cidr of addresses as readonly Cidr[]) allocations.add(ident, cidr, isContainer);
  }
}
