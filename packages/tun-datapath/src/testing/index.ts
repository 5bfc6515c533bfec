/**
 * Fakes for those who use a data path.
 *
 * @packageDocumentation
 */
export { createFakeOverlay, type FakeOverlay } from "./overlay.ts";
