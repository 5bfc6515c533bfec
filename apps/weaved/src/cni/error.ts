/**
 * Codes of the CNI specification, section 5 ("Error"), and ours from 100.
 *
 * 1 version not supported, 3 container unknown, 4 environment invalid, 5 I/O failed, 6 no JSON, 7 configuration invalid,
 * 11 try again later; 100 the daemon refused, 101 what CHECK found.
 */
export type CniErrorCode = 1 | 3 | 4 | 5 | 6 | 7 | 11 | 100 | 101;

/** A failure that the container runtime is told of. */
export class CniError extends Error {
  override readonly name = "CniError";
  readonly code: CniErrorCode;
  readonly details: string;
  constructor(code: CniErrorCode, message: string, details = "") {
    super(message);
    this.code = code;
    this.details = details;
  }
}
