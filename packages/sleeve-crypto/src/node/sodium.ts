import { createRequire } from "node:module";
import type { Aead } from "../aead.ts";
import { allocateSecret, copySecret } from "../bytes.ts";
import { checkLength } from "../errors.ts";
import { type CryptoProvider, KEY_BYTES, TAG_BYTES } from "../provider.ts";
import { expandShared, tweetnaclProvider } from "../tweetnacl.ts";

/** The part of sodium-native 5 that is used here; the published types are three major versions behind. */
interface Sodium {
  randombytes_buf(bytes: Uint8Array): void;
  crypto_scalarmult(shared: Uint8Array, secretKey: Uint8Array, publicKey: Uint8Array): void;
  crypto_scalarmult_base(publicKey: Uint8Array, secretKey: Uint8Array): void;
  crypto_secretbox_easy(sealed: Uint8Array, plain: Uint8Array, nonce: Uint8Array, key: Uint8Array): void;
  crypto_secretbox_open_easy(plain: Uint8Array, sealed: Uint8Array, nonce: Uint8Array, key: Uint8Array): boolean;
  crypto_aead_chacha20poly1305_ietf_encrypt_detached(
    sealed: Uint8Array,
    tag: Uint8Array,
    plain: Uint8Array,
    additional: null,
    none: null,
    nonce: Uint8Array,
    key: Uint8Array,
  ): void;
  crypto_aead_chacha20poly1305_ietf_decrypt_detached(
    plain: Uint8Array,
    none: null,
    sealed: Uint8Array,
    tag: Uint8Array,
    additional: null,
    nonce: Uint8Array,
    key: Uint8Array,
  ): void;
}

/** A `require` that may fail, because an `import` of a missing optional package would take this module down with it. */
function load(): Sodium | undefined {
  try {
    return createRequire(import.meta.url)("sodium-native") as Sodium;
  } catch {
    // Not installed, or no prebuilt binary for this platform: it is optional.
    return undefined;
  }
}

function sodiumRandomBytes(sodium: Sodium, length: number): Uint8Array {
  const bytes = allocateSecret(length);
  sodium.randombytes_buf(bytes);
  return bytes;
}

/**
 * sodium-native has no HSalsa20, hence no box "beforenm": X25519, the slow part, is libsodium's; the one block of
 * HSalsa20 after it is tweetnacl's. Secretboxes go straight through, in place when the views say so.
 */
function fromSodium(sodium: Sodium): CryptoProvider {
  return {
    name: "sodium-native",
    randomBytes: (length) => sodiumRandomBytes(sodium, length),
    generateKeyPair() {
      const secretKey = sodiumRandomBytes(sodium, KEY_BYTES);
      const publicKey = new Uint8Array(KEY_BYTES);
      sodium.crypto_scalarmult_base(publicKey, secretKey);
      return { publicKey, secretKey };
    },
    precompute(secretKey, publicKey) {
      const shared = allocateSecret(KEY_BYTES);
      try {
        sodium.crypto_scalarmult(shared, secretKey, publicKey);
      } catch {
        // libsodium refuses keys of low order.
        return undefined;
      }
      return expandShared(shared);
    },
    seal: (sealed, plain, nonce, key) => sodium.crypto_secretbox_easy(sealed, plain, nonce, key),
    open(plain, sealed, nonce, key) {
      if (sealed.length < TAG_BYTES) return false;
      checkLength(plain, sealed.length - TAG_BYTES, "the plain text");
      return sodium.crypto_secretbox_open_easy(plain, sealed, nonce, key);
    },
  };
}

/** libsodium reports a forgery by a thrown error here, unlike with secretboxes. */
function chachaFrom(sodium: Sodium): Aead {
  return {
    name: "chacha20-poly1305",
    withKey(key) {
      checkLength(key, KEY_BYTES, "the key");
      const own = copySecret(key);
      return {
        seal(text, tag, nonce) {
          sodium.crypto_aead_chacha20poly1305_ietf_encrypt_detached(text, tag, text, null, null, nonce, own);
        },
        open(text, tag, nonce) {
          try {
            sodium.crypto_aead_chacha20poly1305_ietf_decrypt_detached(text, null, text, tag, null, nonce, own);
            return true;
          } catch {
            return false;
          }
        },
        wipe() {
          own.fill(0);
        },
      };
    },
  };
}

const sodium = load();
const provider = sodium && fromSodium(sodium);

/** libsodium through sodium-native, or undefined where its binary does not load. */
export function sodiumProvider(): CryptoProvider | undefined {
  return provider;
}

/** ChaCha20-Poly1305 by libsodium (RFC 8439), or undefined where its binary does not load. */
export function chachaAead(): Aead | undefined {
  return sodium && chachaFrom(sodium);
}

/** The fastest provider that works here; its `name` says which. */
export function defaultProvider(): CryptoProvider {
  return provider ?? tweetnaclProvider;
}
