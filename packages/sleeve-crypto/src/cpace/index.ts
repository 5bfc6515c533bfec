/**
 * CPace: a key from a shared password, without a chance to guess the password offline (draft-irtf-cfrg-cpace). Pure but
 * for big integers of `@noble/curves`; `nodeCpaceSuite` of `@weaved/sleeve-crypto/node` has the primitives.
 *
 * @packageDocumentation
 */
export { Cpace, type CpaceOptions, type CpaceShare, type CpaceSuite } from "./cpace.ts";
