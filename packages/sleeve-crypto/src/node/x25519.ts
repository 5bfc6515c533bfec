import { createPrivateKey, createPublicKey, diffieHellman, generateKeyPairSync, type KeyObject } from "node:crypto";
import { checkLength } from "../errors.ts";
import { KEY_BYTES, type KeyPair } from "../provider.ts";

/** DER of an X25519 key up to its 32 bytes (RFC 8410, sections 4 and 7). */
const PUBLIC_PREFIX = Buffer.from("302a300506032b656e032100", "hex");
const SECRET_PREFIX = Buffer.from("302e020100300506032b656e04220420", "hex");

/** A new X25519 key pair from the generator of the operating system. */
export function generateX25519KeyPair(): KeyPair {
  const { publicKey, privateKey } = generateKeyPairSync("x25519");
  return { publicKey: lastKey(publicKey, "spki"), secretKey: lastKey(privateKey, "pkcs8") };
}

/** X25519 (RFC 7748, section 5) of any u coordinate. Returns undefined where the result is zero. */
export function x25519(secretKey: Uint8Array, u: Uint8Array): Uint8Array | undefined {
  checkLength(secretKey, KEY_BYTES, "an X25519 secret key");
  checkLength(u, KEY_BYTES, "an X25519 public key");
  const der = Buffer.concat([SECRET_PREFIX, secretKey]);
  const privateKey = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  der.fill(0);
  const publicKey = createPublicKey({ key: Buffer.concat([PUBLIC_PREFIX, u]), format: "der", type: "spki" });
  return derive(privateKey, publicKey);
}

/** OpenSSL refuses to derive where the shared secret is all zero (RFC 7748, section 6.1). */
function derive(privateKey: KeyObject, publicKey: KeyObject): Uint8Array | undefined {
  try {
    return new Uint8Array(diffieHellman({ privateKey, publicKey }));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_OSSL_FAILED_DURING_DERIVATION") return undefined;
    throw error;
  }
}

function lastKey(key: KeyObject, type: "spki" | "pkcs8"): Uint8Array {
  const der = key.export({ format: "der", type } as { format: "der"; type: "spki" });
  const bytes = Uint8Array.from(der.subarray(der.length - KEY_BYTES));
  der.fill(0);
  return bytes;
}
