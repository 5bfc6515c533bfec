/**
 * Session keys, sealed TCP streams, sealed UDP packets of the weave protocol.
 *
 * @packageDocumentation
 */
export { equalConstantTime, wipe } from "./bytes.ts";
export { SleeveCryptoError, type SleeveCryptoErrorCode } from "./errors.ts";
export {
  decodeInitSa,
  deriveSaKey,
  encodeInitSa,
  type InitSa,
  SA_NONCE_BYTES,
  type SaKey,
  type SaKeyInput,
} from "./fastdp.ts";
export { type HkdfInput, hkdfSha256 } from "./hkdf.ts";
export { makeNonce, type NonceOptions } from "./nonce.ts";
export {
  FRAMES_AT,
  NAME_BYTES,
  type OpenResult,
  PacketOpener,
  type PacketOptions,
  PacketSealer,
  type PacketSealerOptions,
  type PacketStream,
} from "./packet.ts";
export { type CryptoProvider, KEY_BYTES, type KeyPair, NONCE_BYTES, TAG_BYTES } from "./provider.ts";
export { ReplayWindow } from "./replay-window.ts";
export { type SessionInput, sessionKey } from "./session.ts";
export { sha256 } from "./sha256.ts";
export { StreamOpener, type StreamOptions, StreamSealer } from "./stream.ts";
export { tweetnaclProvider } from "./tweetnacl.ts";
