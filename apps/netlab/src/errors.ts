/** What went wrong, for code; the message is for people. */
export type NetlabErrorCode =
  | "TOPOLOGY_INVALID"
  | "UNSUPPORTED"
  | "COMMAND_FAILED"
  | "PROGRAM_UNKNOWN"
  | "DEADLINE"
  | "LAB_UNKNOWN"
  | "LAB_CLOSED";

/** Every failure of this package. Branch on `code`; the message names the thing, the value, what was expected. */
export class NetlabError extends Error {
  override readonly name = "NetlabError";
  readonly code: NetlabErrorCode;
  constructor(code: NetlabErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
