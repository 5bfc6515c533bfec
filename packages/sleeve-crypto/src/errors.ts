/** What went wrong, in a word to branch on. */
export type SleeveCryptoErrorCode =
  /** A key, nonce or buffer of the wrong length, or a number out of its field: a bug of the caller. */
  | "CRYPTO_BAD_INPUT"
  /** The remote public key is one of the few that give every party the same secret. */
  | "CRYPTO_WEAK_KEY"
  /** A counter has come to its end: going on would repeat a nonce. Make a new connection. */
  | "CRYPTO_EXHAUSTED"
  /** The key has been wiped: its connection is over. */
  | "CRYPTO_WIPED";

/**
 * Every failure of this package. Branch on `code`; the message is for people and may change.
 * Forged or damaged input is not a failure of this kind: `open` functions report it in their return value.
 */
export class SleeveCryptoError extends Error {
  override readonly name = "SleeveCryptoError";
  readonly code: SleeveCryptoErrorCode;

  constructor(code: SleeveCryptoErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Throws unless `bytes` has the length its role asks for. */
export function checkLength(bytes: Uint8Array, length: number, what: string): void {
  if (bytes.length === length) return;
  throw new SleeveCryptoError("CRYPTO_BAD_INPUT", `${what} has ${bytes.length} bytes instead of ${length}`);
}
