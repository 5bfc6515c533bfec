import { copySecret, wipe } from "./bytes.ts";
import { checkLength, SleeveCryptoError } from "./errors.ts";
import { setCounter, startNonce } from "./nonce.ts";
import { type CryptoProvider, KEY_BYTES, TAG_BYTES } from "./provider.ts";

/** What a direction of an encrypted TCP stream is made of. */
export interface StreamOptions {
  /** 32 bytes; copied, and the copy is wiped by `wipe`. */
  readonly key: Uint8Array;
  /** Whether the sender of this direction is the side that dialled. */
  readonly senderOutbound: boolean;
  /** Counter of the first message. @defaultValue 0 */
  readonly firstCounter?: number;
}

/** The key and running nonce of one direction. */
class Direction {
  readonly key: Uint8Array;
  readonly nonce: Uint8Array;
  #counter: number;
  #wiped = false;

  constructor({ key, senderOutbound, firstCounter = 0 }: StreamOptions) {
    checkLength(key, KEY_BYTES, "the session key");
    this.key = copySecret(key);
    this.nonce = startNonce("tcp", senderOutbound);
    this.#counter = firstCounter;
  }

  /** The nonce of the next message. A number counts to 2^53; a connection does not live that long. */
  next(): Uint8Array {
    if (this.#wiped) throw new SleeveCryptoError("CRYPTO_WIPED", "the stream's key has been wiped");
    if (this.#counter > Number.MAX_SAFE_INTEGER) throw new SleeveCryptoError("CRYPTO_EXHAUSTED", "too many messages");
    setCounter(this.nonce, 16, this.#counter++);
    return this.nonce;
  }

  wipe(): void {
    this.#wiped = true;
    wipe(this.key);
  }
}

/** Encrypts and authenticates the messages that one side sends over TCP, in order. */
export class StreamSealer {
  readonly #provider: CryptoProvider;
  readonly #direction: Direction;

  constructor(provider: CryptoProvider, options: StreamOptions) {
    this.#provider = provider;
    this.#direction = new Direction(options);
  }

  /** The encrypted message, 16 bytes longer; a new array. The caller frames it. */
  seal(message: Uint8Array): Uint8Array {
    const sealed = new Uint8Array(message.length + TAG_BYTES);
    this.#provider.seal(sealed, message, this.#direction.next(), this.#direction.key);
    return sealed;
  }

  /** Forgets the key; any further use throws CRYPTO_WIPED. Idempotent. */
  wipe(): void {
    this.#direction.wipe();
  }
}

/** Decrypts the messages of the other side, in order. */
export class StreamOpener {
  readonly #provider: CryptoProvider;
  readonly #direction: Direction;
  #broken = false;

  constructor(provider: CryptoProvider, options: StreamOptions) {
    this.#provider = provider;
    this.#direction = new Direction(options);
  }

  /**
   * The message, as a new array, or undefined when the other side did not encrypt it under this key, in this order.
   * After that the stream is broken and stays so: everything further gives undefined.
   */
  open(sealed: Uint8Array): Uint8Array | undefined {
    const nonce = this.#direction.next();
    if (this.#broken || sealed.length < TAG_BYTES) {
      this.#broken = true;
      return undefined;
    }
    const message = new Uint8Array(sealed.length - TAG_BYTES);
    if (this.#provider.open(message, sealed, nonce, this.#direction.key)) return message;
    this.#broken = true;
    return undefined;
  }

  /** Forgets the key; any further use throws CRYPTO_WIPED. Idempotent. */
  wipe(): void {
    this.#direction.wipe();
  }
}
