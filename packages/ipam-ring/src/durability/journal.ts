import { RingError } from "../errors.ts";
import type { Entry } from "../ring/entry.ts";
import type { Ring } from "../ring/ring.ts";
import type { OwnedAddresses } from "../space/allocations.ts";
import { isEntry, isOwned, type Saved } from "./saved.ts";

/**
 * One record of the journal: the changes of an allocation or a release. Any other change saves the whole document. Applying a
 * record twice does no harm.
 */
export interface Patch {
  /** Entries of the ring that changed: their tokens stay. */
  readonly entries: readonly Entry[];
  /** Everything that these idents hold now, or an empty list. */
  readonly owned: readonly OwnedAddresses[];
}

/** The state at one moment: the changes alone, or the whole document. */
export interface Snapshot {
  /** The changes since the previous snapshot; absent if a patch cannot express them. */
  readonly patch?: Patch;
  full(): Saved;
}

/** The entries that a patch must contain; undefined if the change is of another kind. */
export function changedEntries(before: Ring, after: Ring): Entry[] | undefined {
  const { entries, seeds } = after;
  if (entries.length === 0 || entries.length !== before.entries.length || seeds !== before.seeds) return undefined;
  const changed = entries.filter((entry, i) => entry !== before.entries[i]);
  // Rings are values: another object may still have the same token.
  const sameTokens = entries.every((entry, i) => entry.token === before.entries[i]!.token);
  return sameTokens ? changed : undefined;
}

/** The document with the records of its journal, oldest first. @throws RingError STATE_UNUSABLE */
export function replay(saved: Saved, records: readonly unknown[]): Saved {
  const entries = new Map(saved.ring.entries.map((entry) => [entry.token, entry]));
  const owned = new Map(saved.owned.map((account) => [account.ident, account]));
  for (const record of records) {
    const patch = parsePatch(record);
    for (const entry of patch.entries) {
      if (!entries.has(entry.token)) throw damaged();
      entries.set(entry.token, entry);
    }
    for (const account of patch.owned) {
      if (account.addresses.length === 0) owned.delete(account.ident);
      else owned.set(account.ident, account);
    }
  }
  return { ...saved, ring: { ...saved.ring, entries: [...entries.values()] }, owned: [...owned.values()] };
}

function parsePatch(value: unknown): Patch {
  const { entries, owned } = (value ?? {}) as Patch;
  const sound = Array.isArray(entries) && entries.every(isEntry) && Array.isArray(owned) && owned.every(isOwned);
  if (!sound) throw damaged();
  return { entries, owned };
}

function damaged(): RingError {
  return new RingError("STATE_UNUSABLE", "the journal of the saved state is damaged");
}
