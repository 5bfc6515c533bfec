/**
 * Meshes without sockets: a network in memory, on any clock.
 *
 * @packageDocumentation
 */
export { createMemoryNetwork, type MemoryNetwork, type MemoryNetworkOptions } from "./memory-network.ts";
