/** Bytes of a key, public or secret. */
export const KEY_BYTES = 32;
/** Bytes of a secretbox nonce. */
export const NONCE_BYTES = 24;
/** Bytes by which an encrypted text is longer than its plaintext. */
export const TAG_BYTES = 16;

/** An X25519 key pair. `secretKey` is to be wiped after use. */
export interface KeyPair {
  readonly publicKey: Uint8Array;
  readonly secretKey: Uint8Array;
}

/**
 * The primitives, as different libraries offer them. Providers give identical bytes; they differ in speed.
 *
 * A secretbox is XSalsa20-Poly1305 with the authenticator first: `tag (16) || cipher text`. Plaintext and encrypted text may
 * share memory exactly in place, that is with the plaintext where the cipher text goes; any other overlap is undefined.
 */
export interface CryptoProvider {
  /** For status output. */
  readonly name: string;
  /** Secure random bytes. */
  randomBytes(length: number): Uint8Array;
  generateKeyPair(): KeyPair;
  /** X25519, then HSalsa20 with zero input: what NaCl calls box "beforenm". Gives undefined for a low-order public key. */
  precompute(secretKey: Uint8Array, publicKey: Uint8Array): Uint8Array | undefined;
  /** `sealed` is 16 bytes longer than `plain`. Copies nothing that it can avoid; keeps no reference. */
  seal(sealed: Uint8Array, plain: Uint8Array, nonce: Uint8Array, key: Uint8Array): void;
  /** Whether the text was genuine. When not, `plain` is left as it was. */
  open(plain: Uint8Array, sealed: Uint8Array, nonce: Uint8Array, key: Uint8Array): boolean;
}
