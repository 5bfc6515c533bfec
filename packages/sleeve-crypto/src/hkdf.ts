import { SleeveCryptoError } from "./errors.ts";
import { sha256 } from "./sha256.ts";

const BLOCK_BYTES = 64;
const DIGEST_BYTES = 32;

/** HMAC-SHA256 (RFC 2104). */
export function hmacSha256(key: Uint8Array, ...message: readonly Uint8Array[]): Uint8Array {
  const inner = new Uint8Array(BLOCK_BYTES);
  inner.set(key.length > BLOCK_BYTES ? sha256(key) : key);
  const outer = inner.map((byte) => byte ^ 0x5c);
  for (let i = 0; i < BLOCK_BYTES; i++) inner[i] = (inner[i] as number) ^ 0x36;
  const digest = sha256(outer, sha256(inner, ...message));
  inner.fill(0);
  outer.fill(0);
  return digest;
}

/** What HKDF mixes into a secret. */
export interface HkdfInput {
  readonly secret: Uint8Array;
  readonly salt: Uint8Array;
  readonly info: Uint8Array;
}

/** HKDF-SHA256 (RFC 5869): `length` bytes, at most 8160, that tell nothing of the secret. */
export function hkdfSha256({ secret, salt, info }: HkdfInput, length: number): Uint8Array {
  if (length > 255 * DIGEST_BYTES) throw new SleeveCryptoError("CRYPTO_BAD_INPUT", `HKDF cannot give ${length} bytes`);
  // Extract, then expand block by block, each chained to the one before.
  const pseudoRandomKey = hmacSha256(salt, secret);
  const output = new Uint8Array(length);
  let block: Uint8Array = new Uint8Array(0);
  for (let at = 0, counter = 1; at < length; at += DIGEST_BYTES, counter++) {
    block = hmacSha256(pseudoRandomKey, block, info, Uint8Array.of(counter));
    output.set(block.subarray(0, length - at), at);
  }
  pseudoRandomKey.fill(0);
  block.fill(0);
  return output;
}
