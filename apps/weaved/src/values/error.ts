/** Codes of {@link WeavedError}. The message of an error has the cause and the remedy. */
export type WeavedErrorCode =
  | "ARGUMENT_INVALID"
  | "SETTING_INVALID"
  | "PASSWORD_EMPTY"
  | "PASSWORD_EXPOSED"
  | "REQUEST_INVALID"
  | "CONTAINER_UNKNOWN"
  | "NOT_FOUND"
  | "ALLOCATION_OFF"
  | "PROXY_OFF"
  | "DOCKER_FAILED"
  | "NETWORK_UNSUPPORTED"
  | "RANGE_OVERLAP"
  | "LISTEN_FAILED"
  | "DAEMON_UNREACHABLE"
  | "DAEMON_REFUSED"
  | "DAEMON_RUNNING"
  | "START_FAILED"
  | "STOP_FAILED"
  | "NOT_READY"
  | "HOST_COMMAND_FAILED";

/** A failure that an operator, a client, or the host can cause. Its message is one line: "cause; remedy". */
export class WeavedError extends Error {
  override readonly name = "WeavedError";
  readonly code: WeavedErrorCode;
  /** Exit code of the command that fails with it. */
  readonly exitCode: number;
  constructor(code: WeavedErrorCode, message: string, options: ErrorOptions & { readonly exitCode?: number } = {}) {
    super(message, options);
    this.code = code;
    this.exitCode = options.exitCode ?? 1;
  }
}
