/**
 * Who of two peers dials the other. Those that discover each other would both dial, and one connection would be thrown away:
 * a third of all handshakes while a mesh comes up. So one of them is patient.
 */
import type { Clock, PeerName, Random } from "../ports.ts";
import type { Topology } from "../topology/topology.ts";
import type { Target } from "./targets.ts";

/** The patient one waits this long, at random up to twice of it: longer than news of the other takes while it connects. */
const COURTESY_MS = 1_500;
/** Each so many peers add once more of it: the other one has many to dial, and one link more is not urgent. */
const COURTESY_PEERS = 10;
/** It waits on while the other one makes connections, but no longer than this: it may never get to us. */
const MOST_MS = 60_000;

/** The rule. */
export class Courtesy {
  readonly #topology: Topology;
  readonly #clock: Clock;
  readonly #random: Random;

  constructor(topology: Topology, clock: Clock, random: Random) {
    this.#topology = topology;
    this.#clock = clock;
    this.#random = random;
  }

  /** Puts off a new target if it is up to the other side to dial. */
  begin(target: Target, expected: ReadonlySet<PeerName> | "anybody"): void {
    const { self } = this.#topology;
    // Even over all pairs, so that no peer has to dial all others.
    const dials = (name: PeerName): boolean => self < name === ((self + name) % 2 === 0);
    if (expected === "anybody" || [...expected].some(dials)) return;
    target.patience = { until: this.#clock.now() + MOST_MS, version: this.#version(expected) };
    target.tryAt = this.#patient();
  }

  /** Puts off a target that is due, if the peer expected there has been connecting to others meanwhile. */
  prolong(target: Target, expected: ReadonlySet<PeerName> | "anybody"): void {
    const { patience } = target;
    if (!patience || expected === "anybody") return;
    const version = this.#version(expected);
    if (version === patience.version || this.#clock.now() >= patience.until) {
      target.patience = undefined;
      return;
    }
    target.patience = { ...patience, version };
    target.tryAt = this.#patient();
  }

  #patient(): number {
    return this.#clock.now() + COURTESY_MS * (1 + this.#random()) * (1 + this.#topology.size / COURTESY_PEERS);
  }

  #version(expected: ReadonlySet<PeerName>): bigint {
    let sum = 0n;
    for (const name of expected) sum += this.#topology.get(name)?.version ?? 0n;
    return sum;
  }
}
