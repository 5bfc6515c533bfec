import type { PeerName } from "../ports.ts";
import { type Ring, seedRing } from "../ring/ring.ts";
import type { Range } from "../space/address.ts";
import type { RingOrigin } from "./origin.ts";
import { PaxosNode, type PaxosState } from "./paxos.ts";
import { restoreVote, type SavedVote } from "./vote.ts";

/** How the bootstrap reaches the allocator around it. */
export interface BootstrapHost {
  readonly name: PeerName;
  readonly uid: bigint;
  readonly init: RingOrigin;
  readonly universe: Range;
  /** Our vote has changed and must be saved. */
  readonly changed: () => void;
  /** Announces our vote, once it is saved. */
  readonly announce: () => void;
  /** Takes the first ring. */
  readonly adopt: (ring: Ring) => void;
}

/** Brings the first ring about: computed from given seeds, voted on, or awaited. Nothing happens before a request needs it. */
export class Bootstrap {
  readonly #host: BootstrapHost;
  #paxos: PaxosNode | undefined;
  #isNeeded = false;

  constructor(host: BootstrapHost) {
    const { name, uid, init } = host;
    this.#host = host;
    this.#paxos = init.kind === "observer" ? undefined : new PaxosNode({ name, uid });
  }

  /** Our vote on the first ring; an observer has none. */
  get paxos(): PaxosNode | undefined {
    return this.#paxos;
  }

  /** Whether the ring is needed and not there. */
  get isNeeded(): boolean {
    return this.#isNeeded;
  }

  /** A voter keeps the promises of its earlier life. */
  restore(vote: SavedVote | undefined): void {
    if (this.#paxos && vote) this.#paxos = restoreVote(vote);
  }

  /** Creates at once a ring that needs no vote. */
  start(): void {
    const { init, universe, adopt } = this.#host;
    if (init.kind === "seed") adopt(seedRing(universe, init.peers));
  }

  /** Starts a vote, once. */
  begin(): void {
    if (this.#isNeeded) return;
    this.#isNeeded = true;
    const { init } = this.#host;
    const voters = init.kind === "consensus" ? init.peers || init.guess() : 1;
    if (this.#paxos) this.#paxos.quorum = Math.floor((voters || 1) / 2) + 1;
    this.propose();
  }

  /** Called when there is a ring, however it came about. */
  end(): void {
    this.#isNeeded = false;
  }

  propose(): void {
    this.#paxos?.propose();
    this.#host.changed();
    this.#host.announce();
    // A quorum of one has consensus at once.
    this.#decide();
  }

  /** Takes up the votes of others. */
  learn(known: PaxosState): void {
    if (!this.#paxos?.update(known)) return;
    this.#host.changed();
    if (this.#paxos.think()) this.#host.announce();
    this.#decide();
  }

  /** The part of a vote that is saved. */
  saved(): { readonly vote?: SavedVote } {
    const paxos = this.#paxos;
    return paxos ? { vote: { id: paxos.id, known: paxos.state } } : {};
  }

  #decide(): void {
    const value = this.#paxos?.consensus();
    if (value) this.#host.adopt(seedRing(this.#host.universe, value));
  }
}
