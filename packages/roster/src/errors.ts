/** Reasons for a {@link RosterError}. */
export type RosterErrorCode =
  /** A field is out of its range, or a key has the wrong length: a mistake of the caller. */
  | "ROSTER_BAD_INPUT"
  /** This host may not issue the statement: it is not a member, or an operator key reserves the right. */
  | "ROSTER_NOT_ALLOWED"
  /** This host has issued as many statements as a signer may. */
  | "ROSTER_EXHAUSTED";

/** Every failure of this package. Branch on `code`; the message is for people and may change. */
export class RosterError extends Error {
  override readonly name = "RosterError";
  readonly code: RosterErrorCode;

  constructor(code: RosterErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
