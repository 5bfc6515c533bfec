/** The kind of a failure, to branch on. */
export type GobErrorCode =
  /** The bytes end in the middle of a message. */
  | "GOB_TRUNCATED"
  /** The bytes break the rules of the format. */
  | "GOB_MALFORMED"
  /** The bytes ask for more than the decoder's limits grant. */
  | "GOB_LIMIT"
  /** What was sent cannot be received with this schema. */
  | "GOB_TYPE_MISMATCH"
  /** A number does not fit: the receiver's width, or JavaScript's safe integers. */
  | "GOB_RANGE"
  /** A value given to the encoder does not match the schema. */
  | "GOB_VALUE"
  /** The schema itself is impossible. */
  | "GOB_SCHEMA"
  /** A custom type's own code threw; see `cause`. */
  | "GOB_CUSTOM";

/** Every failure of this package. Branch on `code`; the message is for people and may change. */
export class GobError extends Error {
  override readonly name = "GobError";
  readonly code: GobErrorCode;
  /** Where in the value, such as `Ring.Entries[3].Peer`; empty for the value itself. */
  readonly path: string;

  constructor(code: GobErrorCode, message: string, path = "", options?: ErrorOptions) {
    super(path === "" ? message : `${path}: ${message}`, options);
    this.code = code;
    this.path = path;
  }
}

/**
 * A failure on its way up, gathering its path. Not an Error, because a stack trace is taken at the API's edge only:
 * hostile input would otherwise buy the most expensive part of failing at every level.
 */
export class Failure {
  readonly code: GobErrorCode;
  readonly message: string;
  readonly cause: unknown;
  /** Innermost step first. Bounded by: the depth limit of the decoder. */
  readonly steps: string[] = [];

  constructor(code: GobErrorCode, message: string, cause?: unknown) {
    this.code = code;
    this.message = message;
    this.cause = cause;
  }
}

/** Adds a step to a failure that passes through, and gives it back to be thrown on. */
export function through(failure: unknown, step: string): unknown {
  if (failure instanceof Failure) failure.steps.push(step);
  return failure;
}

/** The error that a caller gets for something thrown inside. */
export function toGobError(thrown: unknown): unknown {
  if (!(thrown instanceof Failure)) {
    // An endless value (a cycle) or a type nested past the engine's stack ends here, and is the input's fault.
    if (thrown instanceof RangeError) return new GobError("GOB_LIMIT", "nested too deeply", "", { cause: thrown });
    return thrown;
  }
  const path = thrown.steps.reverse().join("").replace(/^\./, "");
  const options = thrown.cause === undefined ? undefined : { cause: thrown.cause };
  return new GobError(thrown.code, thrown.message, path, options);
}
