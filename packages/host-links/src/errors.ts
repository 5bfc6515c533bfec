/** The ways to fail; see {@link LinksError}. */
export type LinksErrorCode =
  /** An address, interface name, or rule cannot be used as written. */
  | "LINKS_INVALID"
  /** An interface, bridge, or table of that name belongs to another program. */
  | "LINKS_FOREIGN"
  /** The namespace or process to attach does not exist, or ended meanwhile. */
  | "LINKS_NO_NAMESPACE"
  /** The target shares the host's own network: attaching it would rewire the host. */
  | "LINKS_HOST_NAMESPACE"
  /** `ip`, `nft`, or another tool is missing or failed; the message quotes it. */
  | "LINKS_COMMAND_FAILED"
  /** Used after `close`. */
  | "LINKS_CLOSED";

/** Every failure of this package. Branch on `code`; the message is for people and may change. */
export class LinksError extends Error {
  override readonly name = "LinksError";
  readonly code: LinksErrorCode;
  constructor(code: LinksErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
