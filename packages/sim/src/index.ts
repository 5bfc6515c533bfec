/**
 * A network of peers in virtual time: seeded, replayable, quick.
 *
 * Cores take a clock, a random source, a way to send. This package offers all three for tests, so that thousands of peers
 * and hours of protocol time fit into seconds of one process, and a failed run is repeated from its seed.
 *
 * @packageDocumentation
 */
export { type Clock, createVirtualClock, type VirtualClock } from "./clock.ts";
export { exponential, fixed, type Latency, uniform } from "./latency.ts";
export {
  createNetwork,
  type Endpoint,
  type MessageHandler,
  type NetworkOptions,
  type NetworkStats,
  type SimNetwork,
} from "./network.ts";
export { type Random, seededRandom } from "./random.ts";
export { type Simulation, type SimulationOptions, simulate } from "./simulate.ts";
