import { createRequire } from "node:module";
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
}

function load(): Sodium | undefined {
  try {
    return createRequire(import.meta.url)("sodium-native") as Sodium;
  } catch {
    // Not installed, or no prebuilt binary for this platform: it is optional.
    return undefined;
  }
}

function sodiumRandomBytes(sodium: Sodium, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  sodium.randombytes_buf(bytes);
  return bytes;
}

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
      const shared = new Uint8Array(KEY_BYTES);
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

let loaded: CryptoProvider | undefined;

/** libsodium through sodium-native, or undefined where its binary does not load. */
export function sodiumProvider(): CryptoProvider | undefined {
  if (loaded === undefined) {
    const sodium = load();
    if (sodium !== undefined) loaded = fromSodium(sodium);
  }
  return loaded;
}

/** The fastest provider that works here; its `name` says which. */
export function defaultProvider(): CryptoProvider {
  return sodiumProvider() ?? tweetnaclProvider;
}
