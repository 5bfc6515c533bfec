import { WeavedError } from "./error.ts";

/** Go's ParseBool; empty is false. */
export function parseBool(value: string | null): boolean {
  if (value === null || /^(?:|0|f|F|false|FALSE|False)$/.test(value)) return false;
  if (/^(?:1|t|T|true|TRUE|True)$/.test(value)) return true;
  throw new WeavedError("REQUEST_INVALID", `invalid boolean: ${value}`);
}
