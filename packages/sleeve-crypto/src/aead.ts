import { copySecret } from "./bytes.ts";
import { checkLength } from "./errors.ts";
import { type CryptoProvider, KEY_BYTES, NONCE_BYTES, TAG_BYTES } from "./provider.ts";

/** Bytes of a nonce that an {@link AeadKey} takes. */
export const AEAD_NONCE_BYTES = 12;

/** Ciphers for our own overlays, where both ends may agree on something faster than XSalsa20. */
export type AeadName = "xsalsa20-poly1305" | "chacha20-poly1305" | "aes-256-gcm";

/** A cipher tied to a key. Texts are encrypted in place; the authenticator lies where the caller wants it. */
export interface AeadKey {
  /** Turns `text` into cipher text, and fills in `tag` (16). `nonce` (12) must never repeat under this key. */
  seal(text: Uint8Array, tag: Uint8Array, nonce: Uint8Array): void;
  /** Turns `text` back; false when it is not genuine, and then the text is not to be used: it may be anything. */
  open(text: Uint8Array, tag: Uint8Array, nonce: Uint8Array): boolean;
  /** Forgets the key. Idempotent; no use after it. */
  wipe(): void;
}

/** A cipher. Keys have 32 bytes, nonces 12, authenticators 16. */
export interface Aead {
  readonly name: AeadName;
  /** Ties the cipher to a key, which is copied. */
  withKey(key: Uint8Array): AeadKey;
}

/** The cipher that every provider has: XSalsa20-Poly1305, under the nonce of 12 bytes followed by twelve zeros. */
export function secretboxAead(provider: CryptoProvider): Aead {
  return {
    name: "xsalsa20-poly1305",
    withKey(key) {
      checkLength(key, KEY_BYTES, "the key");
      const own = copySecret(key);
      const wide = new Uint8Array(NONCE_BYTES);
      return {
        seal(text, tag, nonce) {
          wide.set(nonce);
          const box = joined(tag, text) ?? new Uint8Array(TAG_BYTES + text.length);
          provider.seal(box, text, wide, own);
          if (box.buffer === text.buffer) return;
          tag.set(box.subarray(0, TAG_BYTES));
          text.set(box.subarray(TAG_BYTES));
        },
        open(text, tag, nonce) {
          wide.set(nonce);
          let box = joined(tag, text);
          if (box === undefined) {
            box = new Uint8Array(TAG_BYTES + text.length);
            box.set(tag);
            box.set(text, TAG_BYTES);
          }
          return provider.open(text, box, wide, own);
        },
        wipe() {
          own.fill(0);
        },
      };
    },
  };
}

/** The memory of both, when the authenticator lies just before the text: then a secretbox needs no copy. */
function joined(tag: Uint8Array, text: Uint8Array): Uint8Array | undefined {
  if (tag.buffer !== text.buffer || tag.byteOffset + TAG_BYTES !== text.byteOffset) return undefined;
  return new Uint8Array(tag.buffer, tag.byteOffset, TAG_BYTES + text.length);
}
