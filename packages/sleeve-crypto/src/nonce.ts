import { SleeveCryptoError } from "./errors.ts";
import { NONCE_BYTES } from "./provider.ts";

/**
 * Nonces of one sender, in which the protocol keeps TCP and UDP, both directions, both UDP streams apart:
 *
 * ```text
 * byte 0            bit 7: the sender dialled    bit 6: TCP (0 for UDP packets of sleeve)
 * bytes 1..15       zero
 * bytes 16..23      counter, big-endian; in UDP packets bit 63 is the stream: set for "do not fragment"
 * ```
 * Source: docs/protocol/connection.md#2.4 and docs/protocol/overlay.md#12.1. Example, message 256 of the side that dialled:
 * `c0 00..00 00000000 00000100`.
 */
export interface NonceOptions {
  readonly medium: "tcp" | "udp";
  /** Whether the sender is the side that dialled. */
  readonly senderOutbound: boolean;
  /** 64 bits. */
  readonly counter: bigint | number;
}

/** A new nonce. The sealers of this package write nonces in place instead. */
export function makeNonce({ medium, senderOutbound, counter }: NonceOptions): Uint8Array {
  const value = BigInt(counter);
  if (value < 0n || value >= 2n ** 64n)
    throw new SleeveCryptoError("CRYPTO_BAD_INPUT", `${counter} is not a 64-bit counter`);
  const nonce = startNonce(medium, senderOutbound);
  new DataView(nonce.buffer).setBigUint64(16, value);
  return nonce;
}

/** A nonce with a counter of zero, for {@link setCounter}. */
export function startNonce(medium: "tcp" | "udp", senderOutbound: boolean): Uint8Array {
  const nonce = new Uint8Array(NONCE_BYTES);
  nonce[0] = (senderOutbound ? 0x80 : 0) | (medium === "tcp" ? 0x40 : 0);
  return nonce;
}

/** Writes a counter below 2^53 as 8 bytes, big-endian. */
export function setCounter(bytes: Uint8Array, at: number, counter: number): void {
  const high = Math.floor(counter / 2 ** 32);
  bytes[at] = high >>> 24;
  bytes[at + 1] = high >>> 16;
  bytes[at + 2] = high >>> 8;
  bytes[at + 3] = high;
  bytes[at + 4] = counter >>> 24;
  bytes[at + 5] = counter >>> 16;
  bytes[at + 6] = counter >>> 8;
  bytes[at + 7] = counter;
}
