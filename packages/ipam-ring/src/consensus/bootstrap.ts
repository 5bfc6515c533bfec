import type { CoreOptions } from "../core/core-options.ts";
import { restoreVote, type SavedVote } from "../durability/saved.ts";
import { type Ring, seedRing } from "../ring/ring.ts";
import { PaxosNode, type PaxosState } from "./paxos.ts";

/** What founding needs from the allocator around it. */
export interface Founder extends Pick<CoreOptions, "name" | "uid" | "init" | "universe"> {
  /** Our vote has changed and must be saved. */
  readonly changed: () => void;
  /** Tells everybody how we vote, once saved. */
  readonly announce: () => void;
  /** There is a ring. */
  readonly found: (ring: Ring) => void;
}

/** How the first ring comes about: computed from given seeds, voted on, or awaited. Nothing happens before somebody needs it. */
export class Founding {
  readonly #founder: Founder;
  #paxos: PaxosNode | undefined;
  #awaiting = false;

  constructor(founder: Founder) {
    const { name, uid, init } = founder;
    this.#founder = founder;
    this.#paxos = init.kind === "observer" ? undefined : new PaxosNode({ name, uid });
  }

  /** Our vote on the first ring; observers have none. */
  get paxos(): PaxosNode | undefined {
    return this.#paxos;
  }

  /** Whether the ring is needed and not there. */
  get awaiting(): boolean {
    return this.#awaiting;
  }

  /** A voter keeps the promises of its earlier life. */
  restore(vote: SavedVote | undefined): void {
    if (this.#paxos && vote) this.#paxos = restoreVote(vote);
  }

  /** Founds at once what needs no vote. */
  start(): void {
    const { init, universe, found } = this.#founder;
    if (init.kind === "seed") found(seedRing(universe, init.peers));
  }

  /** Sees to it that there will be a ring. */
  begin(): void {
    if (this.#awaiting) return;
    this.#awaiting = true;
    const { init } = this.#founder;
    const voters = init.kind === "consensus" ? init.peers || init.guess() : 1;
    if (this.#paxos) this.#paxos.quorum = Math.floor((voters || 1) / 2) + 1;
    this.propose();
  }

  /** There is a ring, by whatever way. */
  end(): void {
    this.#awaiting = false;
  }

  propose(): void {
    this.#paxos?.propose();
    this.#founder.changed();
    this.#founder.announce();
    // A quorum of one has consensus at once.
    this.#decide();
  }

  /** Takes up what others vote. */
  learn(known: PaxosState): void {
    if (!this.#paxos?.update(known)) return;
    this.#founder.changed();
    if (this.#paxos.think()) this.#founder.announce();
    this.#decide();
  }

  /** What is to be saved of a vote. */
  saved(): { readonly vote?: SavedVote } {
    const paxos = this.#paxos;
    return paxos ? { vote: { id: paxos.id, known: paxos.state } } : {};
  }

  #decide(): void {
    const value = this.#paxos?.consensus();
    if (value) this.#founder.found(seedRing(this.#founder.universe, value));
  }
}
