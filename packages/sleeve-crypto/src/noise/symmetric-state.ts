import { CipherState } from "./cipher-state.ts";
import type { NoiseSuite } from "./suite.ts";

const EMPTY = new Uint8Array(0);
const ONE = Uint8Array.of(1);
const TWO = Uint8Array.of(2);
const THREE = Uint8Array.of(3);
const CIPHER_KEY_BYTES = 32;

/** The chaining key, the handshake hash, and the cipher of a handshake (Noise specification, section 5.2). */
export class SymmetricState {
  readonly #suite: NoiseSuite;
  readonly #cipher: CipherState;
  #chainingKey: Uint8Array;
  #hash: Uint8Array;

  constructor(suite: NoiseSuite, protocolName: string) {
    const name = new TextEncoder().encode(protocolName);
    this.#suite = suite;
    this.#cipher = new CipherState(suite);
    this.#hash = name.length <= suite.hashBytes ? padTo(name, suite.hashBytes) : suite.hash(name);
    this.#chainingKey = this.#hash.slice();
  }

  /** The handshake hash: equal at both ends exactly if both saw the same handshake. A copy. */
  get hash(): Uint8Array {
    return this.#hash.slice();
  }

  get hasKey(): boolean {
    return this.#cipher.hasKey;
  }

  mixHash(data: Uint8Array): void {
    this.#hash = this.#suite.hash(this.#hash, data);
  }

  /** Mixes a shared secret into the key. `secret` is overwritten. */
  mixKey(secret: Uint8Array): void {
    const [chainingKey, key] = this.#derive(secret);
    secret.fill(0);
    this.#advance(chainingKey);
    this.#cipher.setKey(key.subarray(0, CIPHER_KEY_BYTES));
    key.fill(0);
  }

  /** Mixes a public value into the key, as handshakes with a pre-shared key do with each ephemeral key. */
  mixPublicKey(publicKey: Uint8Array): void {
    this.mixKey(publicKey.slice());
  }

  mixKeyAndHash(preSharedKey: Uint8Array): void {
    const [chainingKey, hash, key] = this.#derive(preSharedKey);
    this.#advance(chainingKey);
    this.mixHash(hash);
    this.#cipher.setKey(key.subarray(0, CIPHER_KEY_BYTES));
    key.fill(0);
  }

  encryptAndHash(plaintext: Uint8Array): Uint8Array {
    const ciphertext = this.#cipher.encrypt(plaintext, this.#hash);
    this.mixHash(ciphertext);
    return ciphertext;
  }

  decryptAndHash(ciphertext: Uint8Array): Uint8Array | undefined {
    const plaintext = this.#cipher.decrypt(ciphertext, this.#hash);
    if (plaintext) this.mixHash(ciphertext);
    return plaintext;
  }

  /** The two keys of the session: from the initiator, and towards the initiator. */
  split(): [CipherState, CipherState] {
    const [first, second] = this.#derive(EMPTY);
    const states = [first, second].map((key) => new CipherState(this.#suite, key.subarray(0, CIPHER_KEY_BYTES)));
    first.fill(0);
    second.fill(0);
    return states as [CipherState, CipherState];
  }

  /** 32 bytes that both ends derive alike, and that tell nothing of the keys that `split` returns. */
  exportKey(label: string): Uint8Array {
    const [key] = this.#derive(new TextEncoder().encode(label));
    return key.slice(0, CIPHER_KEY_BYTES);
  }

  wipe(): void {
    this.#chainingKey.fill(0);
    this.#cipher.wipe();
  }

  #advance(chainingKey: Uint8Array): void {
    this.#chainingKey.fill(0);
    this.#chainingKey = chainingKey;
  }

  /** Three outputs of the HKDF of the Noise specification, section 4.3. */
  #derive(input: Uint8Array): [Uint8Array, Uint8Array, Uint8Array] {
    const { hmac } = this.#suite;
    const secret = hmac(this.#chainingKey, input);
    const first = hmac(secret, ONE);
    const second = hmac(secret, first, TWO);
    const third = hmac(secret, second, THREE);
    secret.fill(0);
    return [first, second, third];
  }
}

function padTo(bytes: Uint8Array, length: number): Uint8Array {
  const padded = new Uint8Array(length);
  padded.set(bytes);
  return padded;
}
