/** Causes of a {@link DatapathError}. */
export type DatapathErrorCode =
  /** koffi's binary or libc could not be loaded. */
  | "DATAPATH_NO_FFI"
  /** A system call failed; the message has its name, its errno. */
  | "DATAPATH_SYSCALL"
  /** Another program, perhaps another data path, has the UDP port. */
  | "DATAPATH_PORT_IN_USE"
  /** An option or argument cannot be meant. */
  | "DATAPATH_BAD_INPUT"
  /** The two peers have no overlay in common. */
  | "DATAPATH_NO_COMMON_OVERLAY"
  /** The settings of this host do not permit a link of this protection; see `plaintext`. */
  | "DATAPATH_PROTECTION"
  /** A device of an earlier life carries plaintext, must not, and cannot be removed. */
  | "DATAPATH_LEFTOVER"
  /** No heartbeat arrived for a minute, or the remote took a link down. */
  | "DATAPATH_LINK_LOST"
  /** The forwarding worker ended before it was closed. */
  | "DATAPATH_WORKER_DIED"
  /** Used after `close`. */
  | "DATAPATH_CLOSED";

/** Every failure of this package. Branch on `code`; the message is for people and may change. */
export class DatapathError extends Error {
  override readonly name = "DatapathError";
  readonly code: DatapathErrorCode;
  constructor(code: DatapathErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
