import { createVirtualClock, type VirtualClock } from "./clock.ts";
import { createNetwork, type NetworkOptions, type SimNetwork } from "./network.ts";
import { type Random, seededRandom } from "./random.ts";

/** What one run works with. All of it follows from `seed`. */
export interface Simulation<M> {
  readonly seed: number;
  readonly clock: VirtualClock;
  readonly random: Random;
  readonly network: SimNetwork<M>;
}

/** As for the network, without the parts that the run brings itself. */
export type SimulationOptions = Omit<NetworkOptions, "clock" | "random">;

/**
 * Runs `scenario` in a fresh world. If it throws, the error names the seed, which repeats the run exactly.
 *
 * @example
 * for (let seed = 1; seed <= 100; seed++) simulate(seed, { loss: 0.01 }, ({ clock, network }) => { ... });
 */
export function simulate<T, M = Uint8Array>(
  seed: number,
  options: SimulationOptions,
  scenario: (simulation: Simulation<M>) => T,
): T {
  const clock = createVirtualClock();
  const random = seededRandom(seed);
  const network = createNetwork<M>({ ...options, clock, random });
  try {
    return scenario({ seed, clock, random, network });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`seed ${seed}, at ${clock.now().toFixed(1)} ms: ${reason}`, { cause });
  }
}
