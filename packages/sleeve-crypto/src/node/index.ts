/**
 * Providers, ciphers that need Node.
 *
 * @packageDocumentation
 */
export { nodeCpaceSuite } from "./cpace.ts";
export { nodeNoiseSuite } from "./noise.ts";
export { type BindFunction, gcmAead } from "./openssl-gcm.ts";
export { chachaAead, defaultProvider, sodiumProvider } from "./sodium.ts";
