/**
 * - `ADDRESS_INVALID`: a text is not an address.
 * - `CIDR_INVALID`: a text is not a CIDR, or a prefix length does not fit the family.
 * - `FAMILY_MISMATCH`: an operation needs two values of one family, or an IPv4 address.
 * - `OUT_OF_RANGE`: a number does not fit an address.
 */
export type IpErrorCode = "ADDRESS_INVALID" | "CIDR_INVALID" | "FAMILY_MISMATCH" | "OUT_OF_RANGE";

/** Every failure of this package. Branch on `code`; the message is for people and may change. */
export class IpError extends Error {
  override readonly name = "IpError";
  readonly code: IpErrorCode;

  constructor(code: IpErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** The longest text that an error repeats. No address is longer than 45 characters. */
const QUOTED = 64;

/** A value as an error names it. */
export function quote(text: string): string {
  return JSON.stringify(text.length > QUOTED ? `${text.slice(0, QUOTED)}...` : text);
}
