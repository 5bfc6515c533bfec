/**
 * Noise handshakes (Noise Protocol Framework, revision 34) with X25519 and ChaCha20-Poly1305: patterns XX, IK, and KK,
 * each with and without a pre-shared key. Pure; `nodeNoiseSuite` of `@weaved/sleeve-crypto/node` has the primitives.
 *
 * @packageDocumentation
 */
export { CipherState } from "./cipher-state.ts";
export {
  MAX_NOISE_MESSAGE_BYTES,
  type NoiseFailure,
  NoiseHandshake,
  type NoiseOptions,
  type NoiseSession,
} from "./handshake.ts";
export type { NoisePatternName } from "./patterns.ts";
export type { AeadMessage, NoiseSuite } from "./suite.ts";
