/**
 * Fakes for users of a data path.
 *
 * @packageDocumentation
 */
export { createFakeOverlay, type FakeOverlay } from "./overlay.ts";
