import type { KeyPair } from "../provider.ts";

/**
 * The primitives of one Noise protocol name, for example `25519_ChaChaPoly_SHA256`. `nodeNoiseSuite` of
 * `@weaved/sleeve-crypto/node` provides them from `node:crypto`. All functions are synchronous and keep no reference to
 * their arguments.
 */
export interface NoiseSuite {
  /** The second half of the protocol name: DH function, cipher, and hash, joined by `_`. */
  readonly name: string;
  /** Bytes of a digest: 32 or 64. */
  readonly hashBytes: number;
  /** A new X25519 key pair. */
  generateKeyPair(): KeyPair;
  /** X25519 (RFC 7748). Returns undefined where the result is zero, which a public key of low order causes. */
  dh(secretKey: Uint8Array, publicKey: Uint8Array): Uint8Array | undefined;
  /** The digest of the concatenated parts. */
  hash(...parts: readonly Uint8Array[]): Uint8Array;
  /** HMAC (RFC 2104) over the suite's hash. */
  hmac(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array;
  /** ChaCha20-Poly1305 (RFC 8439). The result is 16 bytes longer than `plaintext`. */
  encrypt(message: AeadMessage): Uint8Array;
  /** The inverse of `encrypt`. Returns undefined where the authenticator does not match. */
  decrypt(message: AeadMessage): Uint8Array | undefined;
}

/** One message of an AEAD cipher. */
export interface AeadMessage {
  /** 32 bytes. */
  readonly key: Uint8Array;
  /** The message number; a suite turns it into a nonce (Noise specification, section 12). Below 2^64 - 1. */
  readonly counter: bigint;
  /** Authenticated, but not encrypted. */
  readonly associatedData: Uint8Array;
  /** The plaintext of `encrypt`, or the ciphertext of `decrypt`. */
  readonly text: Uint8Array;
}
