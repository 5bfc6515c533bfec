import { allocateSecret, wipe } from "./bytes.ts";
import { SleeveCryptoError } from "./errors.ts";
import { sha256 } from "./sha256.ts";

const BLOCK_BYTES = 64;
const DIGEST_BYTES = 32;

/** HMAC-SHA256 (RFC 2104). */
export function hmacSha256(key: Uint8Array, ...message: readonly Uint8Array[]): Uint8Array {
  const inner = allocateSecret(BLOCK_BYTES);
  inner.set(key.length > BLOCK_BYTES ? sha256(key) : key);
  const outer = allocateSecret(BLOCK_BYTES);
  for (let i = 0; i < BLOCK_BYTES; i++) {
    outer[i] = (inner[i] as number) ^ 0x5c;
    inner[i] = (inner[i] as number) ^ 0x36;
  }
  const innerDigest = sha256(inner, ...message);
  const digest = sha256(outer, innerDigest);
  wipe(inner, outer, innerDigest);
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
  const output = allocateSecret(length);
  let block: Uint8Array = new Uint8Array(0);
  for (let at = 0, counter = 1; at < length; at += DIGEST_BYTES, counter++) {
    const before = block;
    block = hmacSha256(pseudoRandomKey, before, info, Uint8Array.of(counter));
    wipe(before);
    output.set(block.subarray(0, length - at), at);
  }
  wipe(pseudoRandomKey, block);
  return output;
}
