/**
 * Providers that need Node.
 *
 * @packageDocumentation
 */
export { defaultProvider, sodiumProvider } from "./sodium.ts";
