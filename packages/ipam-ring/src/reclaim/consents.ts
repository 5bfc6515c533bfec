import type { PeerName } from "../ports.ts";

/** Our word to a claimant that we hear nothing more from the dead until its claim is over. */
export interface Consent {
  readonly dead: PeerName;
  readonly claimant: PeerName;
  /** Of the claimant when it asked. */
  readonly session: string;
  /** Which of its claims. */
  readonly claim: string;
}

/** Whom we let take over whom. Several may ask for the same dead peer: one of them will win, and all of them count on our word. */
export class Consents {
  /** By dead peer and claimant. Bounded by: take-overs under way. */
  readonly #given = new Map<string, Consent>();
  readonly #onChange: () => void;

  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  restore(saved: readonly Consent[]): void {
    for (const consent of saved) this.#given.set(key(consent.dead, consent.claimant), consent);
  }

  list(): Consent[] {
    return [...this.#given.values()];
  }

  add(consent: Consent): void {
    this.#given.set(key(consent.dead, consent.claimant), consent);
    this.#onChange();
  }

  has(dead: PeerName): boolean {
    for (const consent of this.#given.values()) if (consent.dead === dead) return true;
    return false;
  }

  holds(dead: PeerName, claimant: PeerName, claim: string): boolean {
    return this.#given.get(key(dead, claimant))?.claim === claim;
  }

  release(dead: PeerName, claimant: PeerName): void {
    if (this.#given.delete(key(dead, claimant))) this.#onChange();
  }

  /** Releases what a claimant asked for in other sessions than this one. */
  releaseOthers(claimant: PeerName, session: string): void {
    for (const consent of this.list()) {
      if (consent.claimant === claimant && consent.session !== session) this.release(consent.dead, claimant);
    }
  }
}

function key(dead: PeerName, claimant: PeerName): string {
  return `${dead} ${claimant}`;
}
