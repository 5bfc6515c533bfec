/**
 * - `STATE_TORN`: the file is cut off, damaged, or edited
 * - `STATE_FOREIGN`: the file was not written by this library
 * - `STATE_NEWER`: a later version wrote the file
 * - `STATE_UNREADABLE`, `STATE_UNWRITABLE`: the operating system refuses; the message has its words and a remedy
 */
export type StateErrorCode = "STATE_TORN" | "STATE_FOREIGN" | "STATE_NEWER" | "STATE_UNWRITABLE" | "STATE_UNREADABLE";

/** A state file that cannot be used. The file stays where it is: nothing is overwritten silently. */
export class StateError extends Error {
  override readonly name = "StateError";
  readonly code: StateErrorCode;
  constructor(code: StateErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
