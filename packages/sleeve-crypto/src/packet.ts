import { copySecret, wipe } from "./bytes.ts";
import { checkLength, SleeveCryptoError } from "./errors.ts";
import { startNonce } from "./nonce.ts";
import { type CryptoProvider, KEY_BYTES, NONCE_BYTES, TAG_BYTES } from "./provider.ts";
import { ReplayWindow } from "./replay-window.ts";

/** Bytes of a peer's name at the start of a packet. */
export const NAME_BYTES = 6;
const COUNTER_AT: number = NAME_BYTES;
const SEALED_AT = 14;
/** Where the frames start in an encrypted packet: behind name (6), counter (8), authenticator (16). */
export const FRAMES_AT: number = SEALED_AT + TAG_BYTES;
/** Set in the counter's first byte for packets of the "do not fragment" stream. */
const DF_BIT = 0x80;

/** The two streams of a direction, each with a counter of its own: packets sent with the DF bit, and without. */
export type PacketStream = "df" | "non-df";

/** What became of a packet: `ok` leaves the frames in place, anything else means that it is to be dropped. */
export type OpenResult = "ok" | "short" | "forged" | "replayed";

/** What a direction of sleeve packets is made of. */
export interface PacketOptions {
  /** 32 bytes; copied, and the copy is wiped by `wipe`. */
  readonly key: Uint8Array;
  /** Whether the sender of this direction is the side that dialled the TCP connection. */
  readonly senderOutbound: boolean;
}

/** What a sealer needs in addition. */
export interface PacketSealerOptions extends PacketOptions {
  /** The sender's name, 6 bytes. */
  readonly senderName: Uint8Array;
  /**
   * Counter of the first packet of either stream. A sealer made anew for a living connection must start above anything
   * sent before, or nonces repeat: give each incarnation a block of its own, such as `incarnation * 2 ** 40`.
   * @defaultValue 0
   */
  readonly firstCounter?: number | bigint;
}

/** A counter of 63 bits in two words. */
interface Counter {
  high: number;
  low: number;
}

/**
 * Encrypts and authenticates packets of the sleeve overlay, in place.
 *
 * ```text
 * | sender name (6) | counter (8) | authenticator (16) | frames, encrypted              |
 * 0                 6             14                   30                              end
 *                   | bit 63: DF stream | sequence number from 0 |      key: the session key
 * nonce: see makeNonce; its last 8 bytes are the counter as sent, DF bit included
 * ```
 * Source: docs/protocol/overlay.md#12.1.
 */
export class PacketSealer {
  readonly #provider: CryptoProvider;
  readonly #key: Uint8Array;
  readonly #name: Uint8Array;
  readonly #nonce: Uint8Array;
  readonly #df: Counter;
  readonly #nonDf: Counter;
  #wiped = false;

  constructor(provider: CryptoProvider, { key, senderOutbound, senderName, firstCounter = 0 }: PacketSealerOptions) {
    checkLength(key, KEY_BYTES, "the session key");
    checkLength(senderName, NAME_BYTES, "the sender's name");
    const first = BigInt(firstCounter);
    if (first < 0n || first >= 2n ** 63n)
      throw new SleeveCryptoError("CRYPTO_BAD_INPUT", `${first} is not a 63-bit counter`);
    this.#provider = provider;
    this.#key = copySecret(key);
    this.#name = new Uint8Array(senderName);
    this.#nonce = startNonce("udp", senderOutbound);
    this.#df = { high: Number(first >> 32n), low: Number(first & 0xffffffffn) };
    this.#nonDf = { ...this.#df };
  }

  /**
   * Encrypts the frames that lie in `packet` from byte 30 to `end`, and writes the 30 bytes before them.
   * @throws SleeveCryptoError CRYPTO_WIPED, CRYPTO_EXHAUSTED
   */
  seal(packet: Uint8Array, end: number, stream: PacketStream): void {
    if (this.#wiped) throw new SleeveCryptoError("CRYPTO_WIPED", "the connection's key has been wiped");
    if (end < FRAMES_AT || end > packet.length) {
      throw new SleeveCryptoError("CRYPTO_BAD_INPUT", `frames from ${FRAMES_AT} to ${end} in ${packet.length} bytes`);
    }
    const nonce = this.#nonce;
    writeCounter(nonce, stream === "df" ? this.#df : this.#nonDf, stream === "df" ? DF_BIT : 0);
    for (let i = 0; i < NAME_BYTES; i++) packet[i] = this.#name[i] as number;
    for (let i = 0; i < 8; i++) packet[COUNTER_AT + i] = nonce[NONCE_BYTES - 8 + i] as number;
    this.#provider.seal(packet.subarray(SEALED_AT, end), packet.subarray(FRAMES_AT, end), nonce, this.#key);
  }

  /** Forgets the key; any further use throws CRYPTO_WIPED. Idempotent. */
  wipe(): void {
    this.#wiped = true;
    wipe(this.#key);
  }
}

/** Writes the counter into the nonce, and moves it on. */
function writeCounter(nonce: Uint8Array, counter: Counter, flag: number): void {
  const { high, low } = counter;
  if (high > 0x7fffffff) throw new SleeveCryptoError("CRYPTO_EXHAUSTED", "2^63 packets have been sent");
  nonce[16] = (high >>> 24) | flag;
  nonce[17] = high >>> 16;
  nonce[18] = high >>> 8;
  nonce[19] = high;
  nonce[20] = low >>> 24;
  nonce[21] = low >>> 16;
  nonce[22] = low >>> 8;
  nonce[23] = low;
  if (low === 0xffffffff) {
    counter.low = 0;
    counter.high = high + 1;
  } else {
    counter.low = low + 1;
  }
}

/** Decrypts packets of the sleeve overlay, in place; see {@link PacketSealer} for the layout. */
export class PacketOpener {
  readonly #provider: CryptoProvider;
  readonly #key: Uint8Array;
  readonly #nonce: Uint8Array;
  readonly #dfSeen: ReplayWindow = new ReplayWindow();
  readonly #nonDfSeen: ReplayWindow = new ReplayWindow();
  #wiped = false;

  constructor(provider: CryptoProvider, { key, senderOutbound }: PacketOptions) {
    checkLength(key, KEY_BYTES, "the session key");
    this.#provider = provider;
    this.#key = copySecret(key);
    this.#nonce = startNonce("udp", senderOutbound);
  }

  /**
   * Decrypts the packet in `packet` from byte 0 to `end`. With `ok` the frames lie in plaintext from byte 30 to `end`.
   * A packet that is not genuine changes nothing, neither the bytes nor what counts as replayed.
   * @throws SleeveCryptoError CRYPTO_WIPED
   */
  open(packet: Uint8Array, end: number): OpenResult {
    if (this.#wiped) throw new SleeveCryptoError("CRYPTO_WIPED", "the connection's key has been wiped");
    if (end < FRAMES_AT || end > packet.length) return "short";
    const nonce = this.#nonce;
    for (let i = 0; i < 8; i++) nonce[NONCE_BYTES - 8 + i] = packet[COUNTER_AT + i] as number;
    const plain = packet.subarray(FRAMES_AT, end);
    if (!this.#provider.open(plain, packet.subarray(SEALED_AT, end), nonce, this.#key)) return "forged";
    const first = nonce[16] as number;
    const seen = first & DF_BIT ? this.#dfSeen : this.#nonDfSeen;
    const high =
      ((first & 0x7f) << 24) | ((nonce[17] as number) << 16) | ((nonce[18] as number) << 8) | (nonce[19] as number);
    const low =
      ((nonce[20] as number) << 24) |
      ((nonce[21] as number) << 16) |
      ((nonce[22] as number) << 8) |
      (nonce[23] as number);
    return seen.accept(high, low >>> 0) ? "ok" : "replayed";
  }

  /** Forgets the key; any further use throws CRYPTO_WIPED. Idempotent. */
  wipe(): void {
    this.#wiped = true;
    wipe(this.#key);
  }
}
