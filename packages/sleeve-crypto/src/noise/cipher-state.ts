import { SleeveCryptoError } from "../errors.ts";
import { TAG_BYTES } from "../provider.ts";
import type { NoiseSuite } from "./suite.ts";

/** The Noise specification reserves this message number for rekeying (section 5.1). */
const RESERVED_COUNTER = 2n ** 64n - 1n;
const EMPTY = new Uint8Array(0);

/** Encrypts or decrypts the messages of one direction, in order (Noise specification, section 5.1). */
export class CipherState {
  readonly #suite: NoiseSuite;
  #key: Uint8Array | undefined;
  #counter = 0n;
  #wiped = false;

  /** Without a key, messages pass unchanged: the state of a handshake before its first key. */
  constructor(suite: NoiseSuite, key?: Uint8Array) {
    this.#suite = suite;
    this.#key = key && Uint8Array.from(key);
  }

  get hasKey(): boolean {
    return this.#key !== undefined;
  }

  /** Replaces the key and starts to count at zero. The key is copied. */
  setKey(key: Uint8Array): void {
    this.#key?.fill(0);
    this.#key = Uint8Array.from(key);
    this.#counter = 0n;
  }

  /** Returns the ciphertext; without a key, a copy of the plaintext. Throws CRYPTO_EXHAUSTED after 2^64 - 1 messages. */
  encrypt(plaintext: Uint8Array, associatedData: Uint8Array = EMPTY): Uint8Array {
    const key = this.#current();
    if (!key) return plaintext.slice();
    return this.#suite.encrypt({ key, counter: this.#take(), associatedData, text: plaintext });
  }

  /** Returns the plaintext, or undefined for a forged or short message, after which the counter is unchanged. */
  decrypt(ciphertext: Uint8Array, associatedData: Uint8Array = EMPTY): Uint8Array | undefined {
    const key = this.#current();
    if (!key) return ciphertext.slice();
    if (ciphertext.length < TAG_BYTES) return undefined;
    const counter = this.#take();
    const plaintext = this.#suite.decrypt({ key, counter, associatedData, text: ciphertext });
    if (!plaintext) this.#counter = counter;
    return plaintext;
  }

  /** Overwrites the key. Later calls throw CRYPTO_WIPED. */
  wipe(): void {
    this.#key?.fill(0);
    this.#wiped = true;
  }

  #current(): Uint8Array | undefined {
    if (this.#wiped) throw new SleeveCryptoError("CRYPTO_WIPED", "the key of this Noise session has been wiped");
    return this.#key;
  }

  #take(): bigint {
    if (this.#counter >= RESERVED_COUNTER)
      throw new SleeveCryptoError("CRYPTO_EXHAUSTED", "this Noise session has no message number left; start a new one");
    return this.#counter++;
  }
}
