/**
 * A store in memory, for tests.
 *
 * @packageDocumentation
 */
export { createMemoryStore, type MemoryStore } from "./memory.ts";
