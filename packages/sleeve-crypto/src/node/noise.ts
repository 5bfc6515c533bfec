import { createCipheriv, createDecipheriv, createHash, createHmac } from "node:crypto";
import type { AeadMessage, NoiseSuite } from "../noise/suite.ts";
import { TAG_BYTES } from "../provider.ts";
import { generateX25519KeyPair, x25519 } from "./x25519.ts";

/** The hashes of the Noise specification that `node:crypto` has, with its name for each. */
const HASHES = { SHA256: "sha256", SHA512: "sha512", BLAKE2s: "blake2s256", BLAKE2b: "blake2b512" } as const;
const CIPHER = "chacha20-poly1305";

/** X25519, ChaCha20-Poly1305, and the given hash from `node:crypto`: the primitives of `NoiseHandshake`. */
export function nodeNoiseSuite(hash: keyof typeof HASHES = "SHA256"): NoiseSuite {
  const algorithm = HASHES[hash];
  return {
    name: `25519_ChaChaPoly_${hash}`,
    hashBytes: hash === "SHA512" || hash === "BLAKE2b" ? 64 : 32,
    generateKeyPair: generateX25519KeyPair,
    dh: x25519,
    hash: (...parts) => digest(createHash(algorithm), parts),
    hmac: (key, ...parts) => digest(createHmac(algorithm, key), parts),
    encrypt,
    decrypt,
  };
}

function digest(state: { update(part: Uint8Array): unknown; digest(): Buffer }, parts: readonly Uint8Array[]) {
  for (const part of parts) state.update(part);
  return new Uint8Array(state.digest());
}

/** 32 zero bits, then the message number, little-endian (Noise specification, section 12.3). */
function nonceOf(counter: bigint): Uint8Array {
  const nonce = new Uint8Array(12);
  new DataView(nonce.buffer).setBigUint64(4, counter, true);
  return nonce;
}

function encrypt({ key, counter, associatedData, text }: AeadMessage): Uint8Array {
  const cipher = createCipheriv(CIPHER, key, nonceOf(counter), { authTagLength: TAG_BYTES });
  cipher.setAAD(associatedData, { plaintextLength: text.length });
  return new Uint8Array(Buffer.concat([cipher.update(text), cipher.final(), cipher.getAuthTag()]));
}

function decrypt({ key, counter, associatedData, text }: AeadMessage): Uint8Array | undefined {
  const end = text.length - TAG_BYTES;
  if (end < 0) return undefined;
  const cipher = createDecipheriv(CIPHER, key, nonceOf(counter), { authTagLength: TAG_BYTES });
  cipher.setAuthTag(text.subarray(end));
  cipher.setAAD(associatedData, { plaintextLength: end });
  const plaintext = cipher.update(text.subarray(0, end));
  try {
    cipher.final();
  } catch {
    // The only failure of `final` here is an authenticator that does not match.
    plaintext.fill(0);
    return undefined;
  }
  return new Uint8Array(plaintext);
}
