/**
 * Which of two peers dials the other. Two that discover each other would both dial, and one connection would be thrown away:
 * a third of all handshakes while a mesh comes up. So one of them waits.
 */
import type { Clock, PeerName, Random } from "../ports.ts";
import type { Topology } from "../topology/topology.ts";
import type { Target } from "./target.ts";

/** Delay before the waiting side dials, jittered up to twice of it: longer than a topology update takes to arrive. */
const DELAY_MS = 1_500;
/** The delay grows by itself once per this many peers: the other side has many to dial, and one more link is not urgent. */
const PEERS_PER_DELAY = 10;
/** The waiting side goes on waiting while the other one makes connections, but no longer than this. */
const LONGEST_WAIT_MS = 60_000;

/** The rule. */
export class TieBreak {
  readonly #topology: Topology;
  readonly #clock: Clock;
  readonly #random: Random;

  constructor(topology: Topology, clock: Clock, random: Random) {
    this.#topology = topology;
    this.#clock = clock;
    this.#random = random;
  }

  /** Delays a new target if the other side is the one to dial. */
  begin(target: Target, expected: ReadonlySet<PeerName> | "anybody"): void {
    const { self } = this.#topology;
    // Even over all pairs, so that no peer has to dial all others.
    const dials = (name: PeerName): boolean => self < name === ((self + name) % 2 === 0);
    if (expected === "anybody" || [...expected].some(dials)) return;
    target.wait = { until: this.#clock.now() + LONGEST_WAIT_MS, version: this.#version(expected) };
    target.tryAt = this.#nextTry();
  }

  /** Delays a target that is due, if the peer expected there has been connecting to others meanwhile. */
  prolong(target: Target, expected: ReadonlySet<PeerName> | "anybody"): void {
    const { wait } = target;
    if (!wait || expected === "anybody") return;
    const version = this.#version(expected);
    if (version === wait.version || this.#clock.now() >= wait.until) {
      target.wait = undefined;
      return;
    }
    target.wait = { ...wait, version };
    target.tryAt = this.#nextTry();
  }

  #nextTry(): number {
    return this.#clock.now() + DELAY_MS * (1 + this.#random()) * (1 + this.#topology.size / PEERS_PER_DELAY);
  }

  #version(expected: ReadonlySet<PeerName>): bigint {
    let sum = 0n;
    for (const name of expected) sum += this.#topology.get(name)?.version ?? 0n;
    return sum;
  }
}
