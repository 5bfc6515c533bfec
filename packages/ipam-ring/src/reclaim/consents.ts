import type { PeerName } from "../ports.ts";

/** Our promise to a claimant that we accept nothing more from the dead peer until the claim is over. */
export interface Consent {
  readonly dead: PeerName;
  readonly claimant: PeerName;
  /** The claimant's session when it asked. */
  readonly session: string;
  /** Identifies one of its claims. */
  readonly claim: string;
}

/** The part of the saved state that concerns reclaims. */
export interface SavedConsent {
  /** Our incarnation id, drawn at random when there was no saved state: tells a peer that returns from one that was made anew. */
  readonly disk: string;
  readonly members: readonly (readonly [PeerName, string])[];
  readonly gone: readonly (readonly [PeerName, string])[];
  readonly consents: readonly Consent[];
}

/** Our promises to claimants. Several may claim the same dead peer: one of them will win, and all of them rely on our promise. */
export class Consents {
  /** By dead peer and claimant. Bounded by: reclaims under way. */
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

  /** Releases the consents that a claimant asked for in earlier sessions than this one. */
  releaseOthers(claimant: PeerName, session: string): void {
    for (const consent of this.list()) {
      if (consent.claimant === claimant && consent.session !== session) this.release(consent.dead, claimant);
    }
  }
}

function key(dead: PeerName, claimant: PeerName): string {
  return `${dead} ${claimant}`;
}
