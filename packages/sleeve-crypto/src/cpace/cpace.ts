import { checkLength, SleeveCryptoError } from "../errors.ts";
import { KEY_BYTES } from "../provider.ts";
import { elligatorU } from "./elligator.ts";
import { generatorString, join, lengthValue, utf8 } from "./strings.ts";

/** Name of the group environment (draft-irtf-cfrg-cpace, section "CPace group objects G_X25519"). */
const DOMAIN = utf8("CPace255");
const KEY_DOMAIN = utf8("CPace255_ISK");
/** Input block of SHA-512, in bytes. */
const BLOCK_BYTES = 128;

/** The primitives of CPACE-X25519-SHA512. `nodeCpaceSuite` of `@weaved/sleeve-crypto/node` provides them. */
export interface CpaceSuite {
  /** Secure random bytes. */
  randomBytes(length: number): Uint8Array;
  /** SHA-512: 64 bytes. */
  sha512(message: Uint8Array): Uint8Array;
  /** X25519 of any u coordinate; undefined where the result is zero. */
  x25519(scalar: Uint8Array, u: Uint8Array): Uint8Array | undefined;
}

/** One end of an exchange. All byte arrays are copied. */
export interface CpaceOptions {
  readonly suite: CpaceSuite;
  /** The password, or better a key stretched from it. */
  readonly password: Uint8Array;
  /** Names of the two parties and the protocol, agreed beforehand: `CI` of the draft. */
  readonly channelId: Uint8Array;
  /** Bytes that no other exchange under this password has, agreed by both ends: `sid` of the draft. */
  readonly sessionId: Uint8Array;
  /** Data that this end binds to its share, for example its public key: `ADa` or `ADb` of the draft. */
  readonly associatedData: Uint8Array;
  readonly initiator: boolean;
  /** A fixed scalar, for test vectors only. */
  readonly scalar?: Uint8Array | undefined;
}

/** The other end's message. */
export interface CpaceShare {
  /** 32 bytes. */
  readonly share: Uint8Array;
  readonly associatedData: Uint8Array;
}

/**
 * One end of CPace (draft-irtf-cfrg-cpace), suite CPACE-X25519-SHA512, with the transcript of initiator and responder.
 * Two ends with one password derive one key. An attacker tests one password for each exchange in which it takes part,
 * and a recorded exchange tests none.
 */
export class Cpace {
  readonly #suite: CpaceSuite;
  readonly #sessionId: Uint8Array;
  readonly #associatedData: Uint8Array;
  readonly #initiator: boolean;
  readonly #scalar: Uint8Array;
  /** This end's message: 32 bytes that tell nothing of the password. */
  readonly share: Uint8Array;
  #ended = false;

  constructor({ suite, password, channelId, sessionId, associatedData, initiator, scalar }: CpaceOptions) {
    this.#suite = suite;
    this.#sessionId = Uint8Array.from(sessionId);
    this.#associatedData = Uint8Array.from(associatedData);
    this.#initiator = initiator;
    this.#scalar = scalar ? Uint8Array.from(scalar) : suite.randomBytes(KEY_BYTES);
    checkLength(this.#scalar, KEY_BYTES, "a CPace scalar");
    const text = generatorString({ domain: DOMAIN, password, channelId, sessionId }, BLOCK_BYTES);
    const digest = suite.sha512(text);
    const generator = elligatorU(digest.subarray(0, KEY_BYTES));
    const share = suite.x25519(this.#scalar, generator);
    for (const secret of [text, digest, generator]) secret.fill(0);
    // A hash that maps to a point of low order is as likely as a guessed key.
    if (!share) throw new SleeveCryptoError("CRYPTO_WEAK_KEY", "the CPace generator is a point of low order");
    this.share = share;
  }

  /**
   * The shared key, 64 bytes, or undefined where the other end's share is a point of low order. Equal at both ends
   * exactly if password, channel, session, shares, and associated data are. Call it once: the scalar is wiped.
   */
  finish(remote: CpaceShare): Uint8Array | undefined {
    if (this.#ended) throw new SleeveCryptoError("CRYPTO_WIPED", "this CPace exchange is over");
    checkLength(remote.share, KEY_BYTES, "a CPace share");
    const secret = this.#suite.x25519(this.#scalar, remote.share);
    this.wipe();
    if (!secret) return undefined;
    const own = lengthValue(this.share, this.#associatedData);
    const other = lengthValue(remote.share, remote.associatedData);
    const transcript = this.#initiator ? [own, other] : [other, own];
    const text = join(lengthValue(KEY_DOMAIN, this.#sessionId, secret), ...transcript);
    const key = this.#suite.sha512(text);
    secret.fill(0);
    text.fill(0);
    return key;
  }

  /** Overwrites the scalar of an exchange that is given up. Idempotent. */
  wipe(): void {
    this.#ended = true;
    this.#scalar.fill(0);
  }
}
