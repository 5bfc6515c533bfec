import { AEAD_NONCE_BYTES, type Aead, type AeadKey } from "./aead.ts";
import { wipe } from "./bytes.ts";
import { checkLength, SleeveCryptoError } from "./errors.ts";
import { setCounter } from "./nonce.ts";
import { deriveOverlayKey, type OverlayKeyInput } from "./overlay-keys.ts";
import type { OpenResult } from "./packet.ts";
import { KEY_BYTES, TAG_BYTES } from "./provider.ts";
import { ReplayWindow } from "./replay-window.ts";

/** Bytes before the text of a sealed super-frame: nonce (12), authenticator (16). */
export const OVERLAY_HEAD_BYTES: number = AEAD_NONCE_BYTES + TAG_BYTES;

/** Epochs of one incarnation: 2^20, more than a century at one every two minutes. */
const EPOCH_BITS = 20;
const LAST_INCARNATION = 2 ** (32 - EPOCH_BITS) - 1;

/** When a sealer takes its next key: whichever comes first. */
export interface RekeyLimits {
  /** @defaultValue 120,000: as WireGuard */
  readonly ms?: number;
  /** @defaultValue 2^36, 64 GiB: far below what GCM and Poly1305 allow under one key */
  readonly bytes?: number;
}

/** What a direction of an overlay is made of. */
export interface OverlayOptions extends Omit<OverlayKeyInput, "epoch"> {
  readonly aead: Aead;
}

/** What a sealer needs in addition. */
export interface OverlaySealerOptions extends OverlayOptions {
  /**
   * Number of this sealer among those that the connection has had, from 0 to 4095; see `deriveOverlayKey`.
   * @defaultValue 0
   */
  readonly incarnation?: number;
  readonly rekey?: RekeyLimits;
}

/**
 * Seals super-frames of an overlay of ours, in place, taking a new key when time or volume call for it.
 *
 * ```text
 * | incarnation (12 bits), epoch (20 bits) | sequence (8)  | authenticator (16) | text, sealed |
 * at                                       at + 4          at + 12              at + 28      end
 * |<-------------- nonce, 12 bytes ----------------------->|
 * ```
 * Source: our own; no other implementation. The argument for nonces is at `deriveOverlayKey`.
 */
export class OverlaySealer {
  readonly #options: OverlaySealerOptions;
  readonly #sessionKey: Uint8Array;
  readonly #lastEpoch: number;
  readonly #maxMs: number;
  readonly #maxBytes: number;
  #epoch: number;
  #key: AeadKey | undefined;
  #since = 0;
  #bytes = 0;
  #sequence = 0;
  #wiped = false;

  constructor(options: OverlaySealerOptions) {
    const { incarnation = 0, sessionKey, rekey = {} } = options;
    checkLength(sessionKey, KEY_BYTES, "the session key");
    if (!Number.isInteger(incarnation) || incarnation < 0 || incarnation > LAST_INCARNATION) {
      throw new SleeveCryptoError("CRYPTO_EXHAUSTED", `there is no incarnation ${incarnation}: make a new connection`);
    }
    this.#options = options;
    this.#sessionKey = new Uint8Array(sessionKey);
    this.#maxMs = rekey.ms ?? 120_000;
    this.#maxBytes = rekey.bytes ?? 2 ** 36;
    this.#epoch = incarnation * 2 ** EPOCH_BITS - 1;
    this.#lastEpoch = this.#epoch + 2 ** EPOCH_BITS;
  }

  /** The epoch in use, incarnation included; for status output. */
  get epoch(): number {
    return this.#epoch;
  }

  /**
   * Seals the text that lies in `packet` from `at + 28` to `end`, and writes the 28 bytes before it.
   * `nowMs` is any monotonic clock. @throws SleeveCryptoError CRYPTO_WIPED, CRYPTO_EXHAUSTED
   */
  seal(packet: Uint8Array, { at, end, nowMs }: { at: number; end: number; nowMs: number }): void {
    if (end < at + OVERLAY_HEAD_BYTES || end > packet.length) {
      throw new SleeveCryptoError("CRYPTO_BAD_INPUT", `a super-frame from ${at} to ${end} in ${packet.length} bytes`);
    }
    const text = packet.subarray(at + OVERLAY_HEAD_BYTES, end);
    const key = this.#currentKey(text.length, nowMs);
    // Sequences of all epochs form one run, so a single replay window serves the receiver.
    if (this.#sequence > Number.MAX_SAFE_INTEGER - 1) throw new SleeveCryptoError("CRYPTO_EXHAUSTED", "2^53 packets");
    writeWord(packet, at, this.#epoch);
    setCounter(packet, at + 4, this.#sequence++);
    key.seal(
      text,
      packet.subarray(at + AEAD_NONCE_BYTES, at + OVERLAY_HEAD_BYTES),
      packet.subarray(at, at + AEAD_NONCE_BYTES),
    );
  }

  #currentKey(bytes: number, nowMs: number): AeadKey {
    if (this.#wiped) throw new SleeveCryptoError("CRYPTO_WIPED", "the connection's key has been wiped");
    this.#bytes += bytes;
    if (this.#key !== undefined && this.#bytes <= this.#maxBytes && nowMs - this.#since < this.#maxMs) return this.#key;
    if (this.#epoch >= this.#lastEpoch) throw new SleeveCryptoError("CRYPTO_EXHAUSTED", "all epochs are used up");
    this.#key?.wipe();
    this.#epoch++;
    this.#key = keyOf(this.#options, this.#sessionKey, this.#epoch);
    this.#since = nowMs;
    this.#bytes = bytes;
    return this.#key;
  }

  /** Forgets all keys; any further use throws CRYPTO_WIPED. Idempotent. */
  wipe(): void {
    this.#wiped = true;
    this.#key?.wipe();
    this.#key = undefined;
    wipe(this.#sessionKey);
  }
}

/** A key and the epoch it is for. */
interface Epoch {
  readonly number: number;
  readonly key: AeadKey;
}

/**
 * Opens what an {@link OverlaySealer} sealed. Follows the sender to a later epoch when a genuine packet of it arrives,
 * and keeps the key before it for packets that were overtaken.
 */
export class OverlayOpener {
  readonly #options: OverlayOptions;
  readonly #sessionKey: Uint8Array;
  #seen: ReplayWindow = new ReplayWindow();
  #current: Epoch | undefined;
  #previous: Epoch | undefined;
  #wiped = false;

  constructor(options: OverlayOptions) {
    checkLength(options.sessionKey, KEY_BYTES, "the session key");
    this.#options = options;
    this.#sessionKey = new Uint8Array(options.sessionKey);
  }

  /** The latest epoch heard of; undefined before the first packet. */
  get epoch(): number | undefined {
    return this.#current?.number;
  }

  /**
   * Opens the super-frame in `packet` from `at` to `end`. With `ok` its text lies in clear from `at + 28`; otherwise the
   * bytes may be anything. A forged packet changes no state; one of a later epoch costs a key derivation besides.
   * @throws SleeveCryptoError CRYPTO_WIPED
   */
  open(packet: Uint8Array, { at, end }: { at: number; end: number }): OpenResult {
    if (this.#wiped) throw new SleeveCryptoError("CRYPTO_WIPED", "the connection's key has been wiped");
    if (end < at + OVERLAY_HEAD_BYTES || end > packet.length) return "short";
    const number = readWord(packet, at);
    const known = this.#known(number);
    // Older than the previous epoch: its key is gone.
    if (known === undefined && this.#current !== undefined && number < this.#current.number) return "replayed";
    const epoch = known ?? { number, key: keyOf(this.#options, this.#sessionKey, number) };
    const nonce = packet.subarray(at, at + AEAD_NONCE_BYTES);
    const tag = packet.subarray(at + AEAD_NONCE_BYTES, at + OVERLAY_HEAD_BYTES);
    if (!epoch.key.open(packet.subarray(at + OVERLAY_HEAD_BYTES, end), tag, nonce)) {
      if (known === undefined) epoch.key.wipe();
      return "forged";
    }
    if (known === undefined) this.#follow(epoch);
    return this.#seen.accept(readWord(packet, at + 4), readWord(packet, at + 8)) ? "ok" : "replayed";
  }

  #known(number: number): Epoch | undefined {
    if (this.#current?.number === number) return this.#current;
    return this.#previous?.number === number ? this.#previous : undefined;
  }

  #follow(epoch: Epoch): void {
    this.#previous?.key.wipe();
    this.#previous = this.#current;
    this.#current = epoch;
    // A sealer made anew counts from zero under keys of its own; what was sealed before it must no longer pass.
    if (this.#previous === undefined || epoch.number >>> EPOCH_BITS === this.#previous.number >>> EPOCH_BITS) return;
    this.#previous.key.wipe();
    this.#previous = undefined;
    this.#seen = new ReplayWindow();
  }

  /** Forgets all keys; any further use throws CRYPTO_WIPED. Idempotent. */
  wipe(): void {
    this.#wiped = true;
    this.#current?.key.wipe();
    this.#previous?.key.wipe();
    this.#current = undefined;
    this.#previous = undefined;
    wipe(this.#sessionKey);
  }
}

function keyOf(options: OverlayOptions, sessionKey: Uint8Array, epoch: number): AeadKey {
  const { aead, protocol, senderOutbound } = options;
  const key = deriveOverlayKey({ sessionKey, protocol: `${protocol} ${aead.name}`, senderOutbound, epoch });
  const bound = aead.withKey(key);
  wipe(key);
  return bound;
}

function writeWord(bytes: Uint8Array, at: number, word: number): void {
  bytes[at] = word >>> 24;
  bytes[at + 1] = word >>> 16;
  bytes[at + 2] = word >>> 8;
  bytes[at + 3] = word;
}

function readWord(bytes: Uint8Array, at: number): number {
  const top = (bytes[at] as number) << 24;
  return (top | ((bytes[at + 1] as number) << 16) | ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number)) >>> 0;
}
