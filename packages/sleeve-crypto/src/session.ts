import { wipe } from "./bytes.ts";
import { checkLength, SleeveCryptoError } from "./errors.ts";
import { type CryptoProvider, KEY_BYTES } from "./provider.ts";
import { sha256 } from "./sha256.ts";

/** What both ends of a connection contribute. */
export interface SessionInput {
  /** Our fresh secret key; not wiped here. */
  readonly secretKey: Uint8Array;
  /** What the other side sent. */
  readonly remotePublicKey: Uint8Array;
  /** Raw UTF-8 on the wire's side; bytes are taken as they are. */
  readonly password: string | Uint8Array;
}

/**
 * The key of a connection: `SHA-256(HSalsa20(X25519(ours, theirs)) || password)`, 32 bytes, which the caller wipes.
 * Both sides get the same key if the passwords are equal; nothing tells beforehand whether they are.
 * Source: docs/protocol/connection.md#2.4.
 *
 * @throws SleeveCryptoError CRYPTO_WEAK_KEY for a public key of low order: then the secret would not depend on our key
 */
export function sessionKey(
  provider: CryptoProvider,
  { secretKey, remotePublicKey, password }: SessionInput,
): Uint8Array {
  checkLength(secretKey, KEY_BYTES, "the secret key");
  checkLength(remotePublicKey, KEY_BYTES, "the remote public key");
  const shared = provider.precompute(secretKey, remotePublicKey);
  if (shared === undefined) throw new SleeveCryptoError("CRYPTO_WEAK_KEY", "the remote public key has a low order");
  const secret = typeof password === "string" ? new TextEncoder().encode(password) : password;
  const key = sha256(shared, secret);
  wipe(shared);
  if (secret !== password) wipe(secret);
  return key;
}
