import type { PeerName } from "../ports.ts";
import { type Ring, seedRing } from "../ring/ring.ts";
import type { Range } from "../space/address.ts";
import type { RingOrigin } from "./origin.ts";
import { PaxosNode, type PaxosState } from "./paxos.ts";
import { restoreVote, type SavedVote } from "./vote.ts";

/** A smaller number of voters counts after this long (ms). */
const SHRINK_MS = 60_000;

/** How the bootstrap reaches the allocator around it. */
export interface BootstrapHost {
  readonly name: PeerName;
  readonly uid: bigint;
  readonly init: RingOrigin;
  readonly universe: Range;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
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
  #most = { voters: 0, at: 0 };

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
    this.propose();
  }

  /** Called when there is a ring, however it came about. */
  end(): void {
    this.#isNeeded = false;
  }

  /** Proposes anew, with the quorum that follows from the peers known now. */
  propose(): void {
    if (this.#paxos) this.#paxos.quorum = Math.floor(this.#voters() / 2) + 1;
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

  /** More voters count at once; fewer only after a while, because a cut makes peers vanish too. */
  #voters(): number {
    const { init, now } = this.#host;
    if (init.kind !== "consensus") return 1;
    if (init.peers) return init.peers;
    const guess = Math.max(init.guess(), 1);
    if (guess >= this.#most.voters || now() - this.#most.at >= SHRINK_MS) this.#most = { voters: guess, at: now() };
    return this.#most.voters;
  }

  #decide(): void {
    const value = this.#paxos?.consensus();
    if (value) this.#host.adopt(seedRing(this.#host.universe, value));
  }
}
