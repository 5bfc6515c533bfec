/**
 * Providers, ciphers that need Node.
 *
 * @packageDocumentation
 */
export { type BindFunction, gcmAead } from "./openssl-gcm.ts";
export { chachaAead, defaultProvider, sodiumProvider } from "./sodium.ts";
