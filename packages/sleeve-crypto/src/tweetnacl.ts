import nacl from "tweetnacl";
import { allocateSecret } from "./bytes.ts";
import { checkLength } from "./errors.ts";
import { type CryptoProvider, KEY_BYTES, TAG_BYTES } from "./provider.ts";

/** Sixteen zeros: the input of HSalsa20 in NaCl's box. */
const ZEROS = new Uint8Array(16);
/** "expand 32-byte k". */
const SIGMA: Uint8Array = Uint8Array.from("expand 32-byte k", (letter) => letter.charCodeAt(0));

const { crypto_core_hsalsa20: coreHSalsa20 } = (
  nacl as unknown as {
    lowlevel: { crypto_core_hsalsa20(out: Uint8Array, input: Uint8Array, key: Uint8Array, sigma: Uint8Array): void };
  }
).lowlevel;

/** The second half of NaCl's box "beforenm"; gives undefined when X25519 came out as zero. Wipes `shared`. */
export function expandShared(shared: Uint8Array): Uint8Array | undefined {
  // Looks at every byte before it decides, so that timing tells nothing of the secret.
  let bits = 0;
  for (const byte of shared) bits |= byte;
  if (bits === 0) return undefined;
  const expanded = allocateSecret(KEY_BYTES);
  coreHSalsa20(expanded, ZEROS, shared, SIGMA);
  shared.fill(0);
  return expanded;
}

/** Pure JavaScript: runs everywhere, at about a tenth of the speed of libsodium. */
export const tweetnaclProvider: CryptoProvider = {
  name: "tweetnacl",
  randomBytes: (length) => nacl.randomBytes(length),
  generateKeyPair: () => nacl.box.keyPair(),
  precompute(secretKey, publicKey) {
    return expandShared(nacl.scalarMult(secretKey, publicKey));
  },
  seal(sealed, plain, nonce, key) {
    checkLength(sealed, plain.length + TAG_BYTES, "the sealed text");
    sealed.set(nacl.secretbox(plain, nonce, key));
  },
  open(plain, sealed, nonce, key) {
    if (sealed.length < TAG_BYTES) return false;
    checkLength(plain, sealed.length - TAG_BYTES, "the plain text");
    const opened = nacl.secretbox.open(sealed, nonce, key);
    if (opened === null) return false;
    plain.set(opened);
    return true;
  },
};
