import { checkLength, SleeveCryptoError } from "../errors.ts";
import { KEY_BYTES, type KeyPair, TAG_BYTES } from "../provider.ts";
import type { CipherState } from "./cipher-state.ts";
import { NOISE_PATTERNS, type NoisePattern, type NoisePatternName, type NoiseToken } from "./patterns.ts";
import type { NoiseSuite } from "./suite.ts";
import { SymmetricState } from "./symmetric-state.ts";

/** Bytes of a message at most (Noise specification, section 3). */
export const MAX_NOISE_MESSAGE_BYTES = 65535;

/** Why a message was refused. The handshake is over then, and its keys are wiped. */
export type NoiseFailure =
  /** Too short for the keys that it must carry, or longer than 65,535 bytes. */
  | "length"
  /** An authenticator does not match: another key, another pre-shared key, another prologue, or a changed message. */
  | "forged"
  /** A public key of low order, which would make a shared secret that every observer knows. */
  | "weak-key";

/** One end of a handshake. All byte arrays are copied. */
export interface NoiseOptions {
  readonly suite: NoiseSuite;
  readonly pattern: NoisePatternName;
  readonly initiator: boolean;
  /** Bytes that both ends must agree on, for example everything that was said before the handshake. */
  readonly prologue: Uint8Array;
  readonly staticKeys: KeyPair;
  /** The other end's static public key, for the patterns that know it beforehand. */
  readonly remoteStatic?: Uint8Array | undefined;
  /** 32 bytes, for `psk` patterns; may also be given later by `setPresharedKey`. */
  readonly presharedKey?: Uint8Array | undefined;
  /** A fixed ephemeral key pair, for test vectors only: a repeated one breaks the session's secrecy. */
  readonly ephemeralKeys?: KeyPair | undefined;
}

/** What a finished handshake leaves. */
export interface NoiseSession {
  /** Encrypts what this end sends. */
  readonly send: CipherState;
  /** Decrypts what this end receives. */
  readonly receive: CipherState;
  /** Equal at both ends exactly if both saw the same handshake: a channel binding. */
  readonly handshakeHash: Uint8Array;
  /** 32 bytes that both ends derive alike for another protocol, independent of the keys above. */
  exportKey(label: string): Uint8Array;
  /** Overwrites every key of the session. Idempotent. */
  wipe(): void;
}

/** One end of a Noise handshake (Noise specification, section 5.3). The two ends call `write` and `read` in turns. */
export class NoiseHandshake {
  readonly #suite: NoiseSuite;
  readonly #pattern: NoisePattern;
  readonly #initiator: boolean;
  readonly #symmetric: SymmetricState;
  readonly #static: KeyPair;
  readonly #usesPsk: boolean;
  #ephemeral: KeyPair | undefined;
  #remoteStatic: Uint8Array | undefined;
  #remoteEphemeral: Uint8Array | undefined;
  #presharedKey: Uint8Array | undefined;
  #nextMessage = 0;
  #ended = false;

  constructor(options: NoiseOptions) {
    const { suite, pattern, initiator, prologue, staticKeys, remoteStatic, presharedKey, ephemeralKeys } = options;
    this.#suite = suite;
    this.#pattern = NOISE_PATTERNS[pattern];
    this.#initiator = initiator;
    this.#static = copyKeys(staticKeys, "the static key");
    this.#ephemeral = ephemeralKeys && copyKeys(ephemeralKeys, "the ephemeral key");
    this.#usesPsk = this.#pattern.messages.some((tokens) => tokens.includes("psk"));
    if (presharedKey) this.setPresharedKey(presharedKey);
    this.#remoteStatic = remoteStatic && copyKey(remoteStatic, "the remote static key");
    this.#symmetric = new SymmetricState(suite, `Noise_${pattern}_${suite.name}`);
    this.#symmetric.mixHash(prologue);
    this.#mixKnownKeys();
  }

  /** The other end's static public key, once a message has proved it. */
  get remoteStatic(): Uint8Array | undefined {
    return this.#remoteStatic?.slice();
  }

  /** True once every message was written or read. */
  get finished(): boolean {
    return this.#nextMessage === this.#pattern.messages.length;
  }

  /** Gives the pre-shared key, at the latest before the message that mixes it in. */
  setPresharedKey(key: Uint8Array): void {
    this.#presharedKey?.fill(0);
    this.#presharedKey = copyKey(key, "the pre-shared key");
  }

  /** The next message, with a payload. Its protection depends on the pattern and the position: early ones have none. */
  write(payload: Uint8Array = new Uint8Array(0)): Uint8Array {
    const tokens = this.#take(true);
    const parts = tokens.map((token) => this.#writeToken(token));
    parts.push(this.#symmetric.encryptAndHash(payload));
    const message = concat(parts);
    if (message.length > MAX_NOISE_MESSAGE_BYTES)
      throw misuse(
        `a Noise message has at most ${MAX_NOISE_MESSAGE_BYTES} bytes; this payload makes ${message.length}`,
      );
    return message;
  }

  /** Reads the next message: returns its payload, or why the handshake is over. */
  read(message: Uint8Array): Uint8Array | NoiseFailure {
    const tokens = this.#take(false);
    const payload = message.length > MAX_NOISE_MESSAGE_BYTES ? "length" : this.#readMessage(tokens, message);
    if (typeof payload === "string") this.wipe();
    return payload;
  }

  /** The session's keys, after the last message. This object is wiped then. */
  split(): NoiseSession {
    if (!this.finished || this.#ended) throw misuse("a Noise handshake is split once, after its last message");
    const symmetric = this.#symmetric;
    const [fromInitiator, toInitiator] = symmetric.split();
    this.#wipeKeys();
    return {
      send: this.#initiator ? fromInitiator : toInitiator,
      receive: this.#initiator ? toInitiator : fromInitiator,
      handshakeHash: symmetric.hash,
      exportKey: (label) => symmetric.exportKey(label),
      wipe() {
        for (const part of [fromInitiator, toInitiator, symmetric]) part.wipe();
      },
    };
  }

  /** Overwrites every secret of an unfinished handshake. Idempotent. */
  wipe(): void {
    this.#wipeKeys();
    this.#symmetric.wipe();
  }

  #wipeKeys(): void {
    this.#ended = true;
    this.#static.secretKey.fill(0);
    this.#ephemeral?.secretKey.fill(0);
    this.#presharedKey?.fill(0);
  }

  #mixKnownKeys(): void {
    const { initiatorKnown, responderKnown, name } = this.#pattern;
    const remoteKnown = this.#initiator ? responderKnown : initiatorKnown;
    if (remoteKnown !== (this.#remoteStatic !== undefined))
      throw misuse(`pattern ${name} ${remoteKnown ? "needs" : "does not take"} the remote static key`);
    const remote = this.#remoteStatic as Uint8Array;
    if (initiatorKnown) this.#symmetric.mixHash(this.#initiator ? this.#static.publicKey : remote);
    if (responderKnown) this.#symmetric.mixHash(this.#initiator ? remote : this.#static.publicKey);
  }

  #take(writing: boolean): readonly NoiseToken[] {
    if (this.#ended) throw new SleeveCryptoError("CRYPTO_WIPED", "this Noise handshake is over");
    const tokens = this.#pattern.messages[this.#nextMessage];
    const turn = (this.#nextMessage % 2 === 0) === this.#initiator;
    if (!tokens || turn !== writing)
      throw misuse(
        `message ${this.#nextMessage + 1} of a Noise handshake is not ours to ${writing ? "write" : "read"}`,
      );
    this.#nextMessage++;
    return tokens;
  }

  #writeToken(token: NoiseToken): Uint8Array {
    if (token === "e") {
      this.#ephemeral ??= this.#suite.generateKeyPair();
      this.#mixEphemeral(this.#ephemeral.publicKey);
      return this.#ephemeral.publicKey;
    }
    if (token === "s") return this.#symmetric.encryptAndHash(this.#static.publicKey);
    if (this.#mixToken(token) !== undefined)
      throw new SleeveCryptoError("CRYPTO_WEAK_KEY", "the remote public key is a point of low order");
    return new Uint8Array(0);
  }

  #readMessage(tokens: readonly NoiseToken[], message: Uint8Array): Uint8Array | NoiseFailure {
    let at = 0;
    for (const token of tokens) {
      if (token === "e" || token === "s") {
        const length = KEY_BYTES + (token === "s" && this.#symmetric.hasKey ? TAG_BYTES : 0);
        const field = message.subarray(at, at + length);
        if (field.length < length) return "length";
        at += length;
        if (token === "e") this.#readEphemeral(field);
        else if (!this.#readStatic(field)) return "forged";
      } else {
        const failure = this.#mixToken(token);
        if (failure) return failure;
      }
    }
    return this.#symmetric.decryptAndHash(message.subarray(at)) ?? "forged";
  }

  #readEphemeral(field: Uint8Array): void {
    this.#remoteEphemeral = field.slice();
    this.#mixEphemeral(this.#remoteEphemeral);
  }

  #readStatic(field: Uint8Array): boolean {
    this.#remoteStatic = this.#symmetric.decryptAndHash(field);
    return this.#remoteStatic !== undefined;
  }

  #mixEphemeral(publicKey: Uint8Array): void {
    this.#symmetric.mixHash(publicKey);
    if (this.#usesPsk) this.#symmetric.mixPublicKey(publicKey);
  }

  /** Mixes a shared secret. In a token's name the first letter is the initiator's key, the second the responder's. */
  #mixToken(token: NoiseToken): NoiseFailure | undefined {
    if (token === "psk") {
      if (!this.#presharedKey) throw misuse(`pattern ${this.#pattern.name} needs a pre-shared key before this message`);
      this.#symmetric.mixKeyAndHash(this.#presharedKey);
      return undefined;
    }
    const [ours, theirs] = this.#initiator ? [token[0], token[1]] : [token[1], token[0]];
    const secretKey = (ours === "e" ? (this.#ephemeral as KeyPair) : this.#static).secretKey;
    const publicKey = (theirs === "e" ? this.#remoteEphemeral : this.#remoteStatic) as Uint8Array;
    const shared = this.#suite.dh(secretKey, publicKey);
    if (!shared) return "weak-key";
    this.#symmetric.mixKey(shared);
    return undefined;
  }
}

function misuse(message: string): SleeveCryptoError {
  return new SleeveCryptoError("CRYPTO_BAD_INPUT", message);
}

function copyKey(key: Uint8Array, role: string): Uint8Array {
  checkLength(key, KEY_BYTES, role);
  return Uint8Array.from(key);
}

function copyKeys(keys: KeyPair, role: string): KeyPair {
  return { publicKey: copyKey(keys.publicKey, role), secretKey: copyKey(keys.secretKey, role) };
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const message = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    message.set(part, at);
    at += part.length;
  }
  return message;
}
