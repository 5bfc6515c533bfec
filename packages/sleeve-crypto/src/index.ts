/**
 * Session keys, encrypted TCP streams, and encrypted UDP packets of the weave protocol.
 *
 * Pure TypeScript; `@weaved/sleeve-crypto/node` adds libsodium where its binary loads. Encryption for our own overlays is
 * in `/overlay`, the keys of the IPsec path of Weave Net 2.8 are in `/fastdp`.
 *
 * @packageDocumentation
 */
export { equalConstantTime, wipe } from "./bytes.ts";
export { SleeveCryptoError, type SleeveCryptoErrorCode } from "./errors.ts";
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
export { StreamOpener, type StreamOptions, StreamSealer } from "./stream.ts";
export { tweetnaclProvider } from "./tweetnacl.ts";
