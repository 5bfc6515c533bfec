import { AEAD_NONCE_BYTES, type Aead, type AeadKey } from "./aead.ts";
import { copySecret, wipe } from "./bytes.ts";
import { checkLength, SleeveCryptoError } from "./errors.ts";
import { setCounter } from "./nonce.ts";
import { deriveOverlayKey, type OverlayKeyInput } from "./overlay-keys.ts";
import type { OpenResult } from "./packet.ts";
import { KEY_BYTES, TAG_BYTES } from "./provider.ts";
import { ReplayWindow } from "./replay-window.ts";

/** Bytes before the text of an encrypted super-frame: nonce (12), authenticator (16). */
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
 * Encrypts and authenticates super-frames in place, and takes a new key when time or volume call for it.
 *
 * ```text
 * | incarnation (12 bits), epoch (20 bits) | sequence (8)  | authenticator (16) | text, encrypted |
 * at                                       at + 4          at + 12              at + 28      end
 * |<-------------- nonce, 12 bytes ----------------------->|
 * ```
 * No other program has this format. The argument for nonces is at `deriveOverlayKey`.
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
      throw new SleeveCryptoError(
        "CRYPTO_EXHAUSTED",
        `${incarnation} is not an incarnation from 0 to ${LAST_INCARNATION}; make a new connection`,
      );
    }
    this.#options = options;
    this.#sessionKey = copySecret(sessionKey);
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
   * Encrypts the text that lies in `packet` from `at + 28` to `end`, and writes the 28 bytes before it.
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

/** What an opener needs in addition. */
export interface OverlayOpenerOptions extends OverlayOptions {
  /**
   * The least epoch that the sender may be in. An opener made anew for a living connection is given the epoch of the one before.
   * @defaultValue 0
   */
  readonly epoch?: number;
}

/** Where a super-frame lies that is to be opened. `nowMs` is any monotonic clock. */
export interface OpenInput {
  readonly at: number;
  readonly end: number;
  readonly nowMs: number;
}

/** A key and the epoch it is for. */
interface Epoch {
  readonly number: number;
  readonly key: AeadKey;
}

/** A sender that is not heard takes a new key at most this often (ms): half of what it does, for clocks that differ. */
const SILENT_EPOCH_MS = 60_000;
/** Keys of later epochs that are kept ready. */
const READY_KEYS = 4;

/**
 * Decrypts what an {@link OverlaySealer} encrypted. It follows the sender to a later epoch when a genuine packet of it arrives, and
 * keeps the key before it for packets that were overtaken.
 *
 * A forged packet names any epoch it likes, and deriving a key costs several times an opening. So only the next epoch is tried, whose
 * key is derived once and kept ready; after a silence as many more as the sender may have gone through.
 */
export class OverlayOpener {
  readonly #options: OverlayOptions;
  readonly #sessionKey: Uint8Array;
  #seen: ReplayWindow = new ReplayWindow();
  #current: Epoch | undefined;
  #previous: Epoch | undefined;
  /** Keys of epochs that no genuine packet has come from yet, oldest first. Bounded by: READY_KEYS. */
  #ready: Epoch[] = [];
  readonly #least: number;
  #heardMs: number | undefined;
  #wiped = false;

  constructor(options: OverlayOpenerOptions) {
    checkLength(options.sessionKey, KEY_BYTES, "the session key");
    this.#options = options;
    this.#sessionKey = copySecret(options.sessionKey);
    this.#least = options.epoch ?? 0;
  }

  /** The latest epoch heard of; undefined before the first packet. */
  get epoch(): number | undefined {
    return this.#current?.number;
  }

  /**
   * Opens the super-frame in `packet` from `at` to `end`. With `ok` its plain text lies from `at + 28`; otherwise the bytes may be
   * anything. A forged packet changes no state. `replayed` also stands for an epoch that is over, or that the sender cannot be in yet.
   * @throws SleeveCryptoError CRYPTO_WIPED
   */
  open(packet: Uint8Array, { at, end, nowMs }: OpenInput): OpenResult {
    if (this.#wiped) throw new SleeveCryptoError("CRYPTO_WIPED", "the connection's key has been wiped");
    if (end < at + OVERLAY_HEAD_BYTES || end > packet.length) return "short";
    this.#heardMs ??= nowMs;
    const epoch = this.#find(readWord(packet, at), nowMs);
    if (epoch === undefined) return "replayed";
    const nonce = packet.subarray(at, at + AEAD_NONCE_BYTES);
    const tag = packet.subarray(at + AEAD_NONCE_BYTES, at + OVERLAY_HEAD_BYTES);
    if (!epoch.key.open(packet.subarray(at + OVERLAY_HEAD_BYTES, end), tag, nonce)) return "forged";
    this.#heardMs = nowMs;
    if (epoch !== this.#current && epoch !== this.#previous) this.#follow(epoch);
    return this.#seen.accept(readWord(packet, at + 4), readWord(packet, at + 8)) ? "ok" : "replayed";
  }

  /** The epoch of this number with its key, if the sender may be in it. */
  #find(number: number, nowMs: number): Epoch | undefined {
    if (this.#current?.number === number) return this.#current;
    if (this.#previous?.number === number) return this.#previous;
    const ready = this.#ready.find((epoch) => epoch.number === number);
    if (ready !== undefined) return ready;
    const ahead = epochsAhead(this.#current?.number ?? this.#least - 1, number);
    const silent = Math.floor((nowMs - (this.#heardMs ?? nowMs)) / SILENT_EPOCH_MS);
    if (ahead < 1 || ahead > 1 + silent) return undefined;
    if (this.#ready.length === READY_KEYS) this.#ready.shift()?.key.wipe();
    const epoch = { number, key: keyOf(this.#options, this.#sessionKey, number) };
    this.#ready.push(epoch);
    return epoch;
  }

  #follow(epoch: Epoch): void {
    this.#previous?.key.wipe();
    this.#previous = this.#current;
    this.#current = epoch;
    for (const { key } of this.#ready.filter((other) => other !== epoch)) key.wipe();
    this.#ready = [];
    // A sealer made anew counts from zero under keys of its own; older packets must no longer pass.
    if (this.#previous === undefined || incarnationOf(epoch.number) === incarnationOf(this.#previous.number)) return;
    this.#previous.key.wipe();
    this.#previous = undefined;
    this.#seen = new ReplayWindow();
  }

  /** Forgets all keys; any further use throws CRYPTO_WIPED. Idempotent. */
  wipe(): void {
    this.#wiped = true;
    for (const epoch of [this.#current, this.#previous, ...this.#ready]) epoch?.key.wipe();
    this.#current = undefined;
    this.#previous = undefined;
    this.#ready = [];
    wipe(this.#sessionKey);
  }
}

function incarnationOf(epoch: number): number {
  return epoch >>> EPOCH_BITS;
}

/** How many epochs `later` is ahead of `earlier`, if a sealer that is made anew skips the rest of its incarnation. */
function epochsAhead(earlier: number, later: number): number {
  const incarnations = incarnationOf(later) - (earlier < 0 ? 0 : incarnationOf(earlier));
  if (incarnations <= 0) return later - earlier;
  return incarnations + (later & (2 ** EPOCH_BITS - 1));
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
