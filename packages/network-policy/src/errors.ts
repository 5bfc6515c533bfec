/** Where in a document an error is: keys and list positions from the top. */
export type DocumentPath = readonly (string | number)[];

/**
 * - `SELECTOR_INVALID`: a selector cannot be parsed; `offset` is the position of the character.
 * - `DOCUMENT_INVALID`: a field is missing, unknown, or has an impossible value; `path` names it.
 * - `UNSUPPORTED`: a field or kind that exists in its language and is not enforced here; `path` names it.
 * - `ENFORCEMENT_FAILED`: the kernel refuses the rules; the message has the remedy.
 * - `WORLD_INVALID`: tiers, policies, and endpoints that do not fit together, such as two policies of one name.
 */
export type PolicyErrorCode =
  | "SELECTOR_INVALID"
  | "DOCUMENT_INVALID"
  | "UNSUPPORTED"
  | "WORLD_INVALID"
  | "ENFORCEMENT_FAILED";

/** Where a {@link PolicyError} is. */
export interface PolicyErrorPlace {
  readonly path?: DocumentPath;
  /** Position inside the text of the field (a selector), in UTF-16 units from 0. */
  readonly offset?: number;
}

/** Every failure of this package. Branch on `code`; the message is for people and may change. */
export class PolicyError extends Error {
  override readonly name = "PolicyError";
  readonly code: PolicyErrorCode;
  /** Where in the document, when one was read. */
  readonly path: DocumentPath | undefined;
  /** Where in the field, when its text was parsed. */
  readonly offset: number | undefined;

  constructor(code: PolicyErrorCode, message: string, place: PolicyErrorPlace & ErrorOptions = {}) {
    super(message, { cause: place.cause });
    this.code = code;
    this.path = place.path;
    this.offset = place.offset;
  }
}

/** `spec.ingress[0].source.nets`. */
export function pathText(path: DocumentPath): string {
  return path.map((part, i) => (typeof part === "number" ? `[${part}]` : i === 0 ? part : `.${part}`)).join("");
}

/** The longest text that an error repeats. */
const QUOTED = 60;

/** A value as an error names it. */
export function quote(value: unknown): string {
  const text = typeof value === "string" ? JSON.stringify(value) : (JSON.stringify(value) ?? String(value));
  return text.length > QUOTED ? `${text.slice(0, QUOTED)}...` : text;
}
