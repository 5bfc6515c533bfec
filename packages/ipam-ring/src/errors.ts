/**
 * The causes of failure; branch on these, never on the message.
 *
 * - `CANCELLED`: the caller's signal, the death of the container, or our shutdown ended the request
 * - `OUT_OF_RANGE`: the requested subnet lies outside the universe
 * - `ADDRESS_TAKEN`: a claimed address is in use here, or its owner refused it
 * - `NOT_HELD`: release of something that the ident does not hold
 * - `INVALID`: an address, range, or option is not valid
 * - `MALFORMED`: bytes that are not a message of the protocol
 * - `RING_INVALID`, `RING_SEEDS`, `RING_RANGE`, `RING_CONFLICT`: why a received ring was not merged
 * - `STATE_UNUSABLE`: the saved state cannot be read
 * - `STORE_FAILED`: the state could not be saved for 10 s
 * - `PEER_ALIVE`: the peer that was to be reclaimed answered that it is alive
 * - `NO_FOREIGN_RING`: `join` was called, but no ring of another network is known
 */
export type RingErrorCode =
  | "CANCELLED"
  | "OUT_OF_RANGE"
  | "ADDRESS_TAKEN"
  | "NOT_HELD"
  | "INVALID"
  | "MALFORMED"
  | "RING_INVALID"
  | "RING_SEEDS"
  | "RING_RANGE"
  | "RING_CONFLICT"
  | "STATE_UNUSABLE"
  | "STORE_FAILED"
  | "PEER_ALIVE"
  | "NO_FOREIGN_RING";

/** Every failure of this package. The message is for people and may change, except where the control interface shows it. */
export class RingError extends Error {
  override readonly name = "RingError";
  readonly code: RingErrorCode;
  constructor(code: RingErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
