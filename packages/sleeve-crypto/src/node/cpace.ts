import { createHash, randomBytes } from "node:crypto";
import type { CpaceSuite } from "../cpace/cpace.ts";
import { x25519 } from "./x25519.ts";

/** X25519 and SHA-512 from `node:crypto`: the primitives of `Cpace`. */
export function nodeCpaceSuite(): CpaceSuite {
  return {
    randomBytes: (length) => new Uint8Array(randomBytes(length)),
    sha512: (message) => new Uint8Array(createHash("sha512").update(message).digest()),
    x25519,
  };
}
