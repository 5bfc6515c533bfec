/**
 * Documents in files.
 *
 * @packageDocumentation
 */
export { openStore } from "./store.ts";
