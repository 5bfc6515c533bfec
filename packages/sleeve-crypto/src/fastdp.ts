/**
 * Keys and announcements of the IPsec path of Weave Net 2.8 ("fastdp"), for an implementation that offers it.
 *
 * @packageDocumentation
 */
import { checkLength, SleeveCryptoError } from "./errors.ts";
import { hkdfSha256 } from "./hkdf.ts";
import { KEY_BYTES } from "./provider.ts";

/** Bytes of the nonce that a receiver draws for its inbound direction. */
export const SA_NONCE_BYTES = 32;
const INIT_SA_BYTES = 64;

/** Key of one direction of the IPsec path of Weave Net 2.8: AES-256-GCM as RFC 4106 has it. */
export interface SaKey {
  /** 32 bytes. */
  readonly key: Uint8Array;
  /** 4 bytes. */
  readonly salt: Uint8Array;
}

/** What a direction's key is derived from. */
export interface SaKeyInput {
  readonly sessionKey: Uint8Array;
  /** 32 random bytes, drawn by the receiver of the direction. */
  readonly nonce: Uint8Array;
  /** Name of the receiver, a 48-bit integer. */
  readonly receiver: number;
}

/** HKDF-SHA256(session key, salt = nonce, info = receiver's name as 8 bytes). Source: docs/protocol/overlay.md#13. */
export function deriveSaKey({ sessionKey, nonce, receiver }: SaKeyInput): SaKey {
  checkLength(sessionKey, KEY_BYTES, "the session key");
  checkLength(nonce, SA_NONCE_BYTES, "the nonce");
  const info = new Uint8Array(8);
  new DataView(info.buffer).setBigUint64(0, BigInt(receiver));
  const material = hkdfSha256({ secret: sessionKey, salt: nonce, info }, 36);
  const result = { key: material.slice(0, 32), salt: material.slice(32) };
  material.fill(0);
  return result;
}

/** What a receiver announces of its inbound direction. */
export interface InitSa {
  /** 32 bytes. */
  readonly nonce: Uint8Array;
  /** Security parameter index, 32 bits. */
  readonly spi: number;
}

/**
 * The announcement's bytes: `nonce (32) || SPI (4, big-endian) || zeros (28)`. The padding carries nothing, but
 * Weave Net 2.8 rejects any other length.
 */
export function encodeInitSa({ nonce, spi }: InitSa): Uint8Array {
  checkLength(nonce, SA_NONCE_BYTES, "the nonce");
  if (!Number.isInteger(spi) || spi < 0 || spi > 0xffffffff) {
    throw new SleeveCryptoError("CRYPTO_BAD_INPUT", `${spi} is not a 32-bit SPI`);
  }
  const bytes = new Uint8Array(INIT_SA_BYTES);
  bytes.set(nonce);
  new DataView(bytes.buffer).setUint32(SA_NONCE_BYTES, spi);
  return bytes;
}

/** The announcement, copied, or undefined when the length is wrong. */
export function decodeInitSa(bytes: Uint8Array): InitSa | undefined {
  if (bytes.length !== INIT_SA_BYTES) return undefined;
  const spi = new DataView(bytes.buffer, bytes.byteOffset).getUint32(SA_NONCE_BYTES);
  return { nonce: new Uint8Array(bytes.subarray(0, SA_NONCE_BYTES)), spi };
}
