/**
 * In-memory stand-ins for what this package needs: a gossip network with cuts, a store.
 * @packageDocumentation
 */
export { createGossipNet, type GossipMember, type GossipNet, type GossipNetOptions } from "./gossip-net.ts";
export { createMemoryStore } from "./memory-store.ts";
