/**
 * Session keys, sealed TCP streams, sealed UDP packets of the weave protocol.
 *
 * @packageDocumentation
 */
export { equalConstantTime, wipe } from "./bytes.ts";
export { SleeveCryptoError, type SleeveCryptoErrorCode } from "./errors.ts";
export { type HkdfInput, hkdfSha256 } from "./hkdf.ts";
export { makeNonce, type NonceOptions } from "./nonce.ts";
export { type CryptoProvider, KEY_BYTES, type KeyPair, NONCE_BYTES, TAG_BYTES } from "./provider.ts";
export { type SessionInput, sessionKey } from "./session.ts";
export { sha256 } from "./sha256.ts";
export { StreamOpener, type StreamOptions, StreamSealer } from "./stream.ts";
export { tweetnaclProvider } from "./tweetnacl.ts";
