/**
 * Keys and signatures of a roster from `node:crypto`.
 *
 * @packageDocumentation
 */
export { generateHostKeys, type HostSecrets, nodeRosterCrypto } from "./crypto.ts";
