/**
 * Which peer owns which 12-bit short id. Every peer draws its own at random, so two may draw the same: the lowest name is
 * the principal, the others have to draw again (each sees the collision itself).
 */
import type { PeerName, Random } from "../ports.ts";

/** Ids run from 0 to 4095. */
export const SHORT_IDS = 4096;
/** Random draws before looking through all ids. */
const DRAWS = 10;

interface Holders {
  /** Absent: the last one left, and the id is free, though data paths may remember it. */
  principal: PeerName | undefined;
  others: Set<PeerName>;
}

/** The index of a peer. */
export class ShortIds {
  /** Bounded by: 4096 ids, each with the peers of the topology that drew it. */
  readonly #holders = new Map<number, Holders>();

  /** Adds a holder. True if the id now means another peer than before. */
  add(id: number, name: PeerName): boolean {
    const known = this.#holders.get(id);
    if (!known) {
      this.#holders.set(id, { principal: name, others: new Set() });
      return false;
    }
    if (known.principal === name) return false;
    if (known.principal !== undefined && known.principal < name) {
      known.others.add(name);
      return false;
    }
    if (known.principal !== undefined) known.others.add(known.principal);
    known.principal = name;
    return true;
  }

  /** Removes a holder. True if the id now means another peer. */
  remove(id: number, name: PeerName): boolean {
    const known = this.#holders.get(id);
    if (!known) return false;
    if (known.principal !== name) {
      known.others.delete(name);
      return false;
    }
    known.principal = undefined;
    if (known.others.size === 0) return false;
    known.principal = Math.min(...known.others);
    known.others.delete(known.principal);
    return true;
  }

  /** The peer that an id means. */
  principal(id: number): PeerName | undefined {
    return this.#holders.get(id)?.principal;
  }

  /** An id that nobody owns, or undefined if all are taken. */
  draw(random: Random): number | undefined {
    for (let i = 0; i < DRAWS; i++) {
      const id = Math.floor(random() * SHORT_IDS);
      if (this.principal(id) === undefined) return id;
    }
    const free: number[] = [];
    for (let id = 0; id < SHORT_IDS; id++) if (this.principal(id) === undefined) free.push(id);
    return free[Math.floor(random() * free.length)];
  }
}
