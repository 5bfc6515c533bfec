/**
 * - `ADDRESS_INVALID`: an address of the engine or of the proxy cannot be parsed
 * - `ENGINE_UNREACHABLE`: nothing listens at the engine's address, or the connection broke
 * - `ENGINE_REFUSED`: the engine answered with an error; the message is the engine's
 * - `LISTEN_FAILED`: the proxy cannot listen where it is told to
 * - `PROCESSOR_UNSUPPORTED`: there is no init shim for this processor
 */
export type DockerErrorCode =
  | "ADDRESS_INVALID"
  | "ENGINE_UNREACHABLE"
  | "ENGINE_REFUSED"
  | "LISTEN_FAILED"
  | "PROCESSOR_UNSUPPORTED";

/** A failure of the engine, or of the proxy in front of it. */
export class DockerError extends Error {
  override readonly name = "DockerError";
  readonly code: DockerErrorCode;
  /** The HTTP status of the engine's answer; undefined when there was none. */
  readonly status: number | undefined;
  constructor(code: DockerErrorCode, message: string, options: ErrorOptions & { status?: number } = {}) {
    super(message, options);
    this.code = code;
    this.status = options.status;
  }
}
