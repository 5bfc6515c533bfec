/**
 * An engine in memory, for tests.
 *
 * @packageDocumentation
 */
export { createFakeEngine, type FakeEngine } from "./engine.ts";
