/**
 * Small JSON documents that survive a crash. This entry has the types and the error; `@weaved/state-store/node` keeps the documents
 * in files, and `@weaved/state-store/testing` in memory.
 *
 * @example
 * ```ts
 * const store = await openStore("/var/lib/app/state");
 * await store.save("peers", ["host1"]); // resolves when the document is on disk
 * await store.load("peers"); // ["host1"]
 * ```
 * @packageDocumentation
 */
export { StateError, type StateErrorCode } from "./errors.ts";
export type { Store } from "./store.ts";
