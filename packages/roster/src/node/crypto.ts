import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign, verify } from "node:crypto";
import type { RosterCrypto } from "../roster.ts";
import { type HostKeys, KEY_BYTES } from "../statement.ts";

/** DER of a key up to its 32 bytes (RFC 8410): Ed25519 public, Ed25519 secret. */
const PUBLIC_PREFIX = Buffer.from("302a300506032b6570032100", "hex");
const SECRET_PREFIX = Buffer.from("302e020100300506032b657004220420", "hex");

/** The keys of one host, secret halves included. Wipe the secrets (`fill(0)`) when the host no longer needs them. */
export interface HostSecrets {
  readonly keys: HostKeys;
  /** Ed25519 seed, 32 bytes. */
  readonly signSecret: Uint8Array;
  /** X25519 scalar, 32 bytes. */
  readonly dhSecret: Uint8Array;
}

/** New keys for a host, from the generator of the operating system. */
export function generateHostKeys(): HostSecrets {
  const [signing, exchange] = [generateKeyPairSync("ed25519"), generateKeyPairSync("x25519")];
  return {
    keys: { signKey: lastKey(signing.publicKey, "spki"), dhKey: lastKey(exchange.publicKey, "spki") },
    signSecret: lastKey(signing.privateKey, "pkcs8"),
    dhSecret: lastKey(exchange.privateKey, "pkcs8"),
  };
}

/** Ed25519 (RFC 8032) for a roster; `signSecret` is copied into a key object of Node. */
export function nodeRosterCrypto(signSecret: Uint8Array): RosterCrypto {
  const der = Buffer.concat([SECRET_PREFIX, signSecret]);
  const secret = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  der.fill(0);
  return {
    sign: (message) => new Uint8Array(sign(null, message, secret)),
    verify: (publicKey, message, signature) => {
      if (publicKey.length !== KEY_BYTES) return false;
      const key = createPublicKey({ key: Buffer.concat([PUBLIC_PREFIX, publicKey]), format: "der", type: "spki" });
      return verify(null, message, key, signature);
    },
  };
}

function lastKey(key: KeyObject, type: "spki" | "pkcs8"): Uint8Array {
  const der = key.export({ format: "der", type } as { format: "der"; type: "spki" });
  const bytes = Uint8Array.from(der.subarray(der.length - KEY_BYTES));
  der.fill(0);
  return bytes;
}
