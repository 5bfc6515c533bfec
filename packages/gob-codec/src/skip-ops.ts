import { Failure } from "./errors.ts";
import type { Reader } from "./reader.ts";
import { type RemoteType, remoteName } from "./wire-types.ts";

/** Passes over one value of a sender's type. */
export type SkipOp = (from: Reader) => void;

/** The op that skips a value; `part` finds the ops of its parts when they are first needed. */
export function compileSkip(type: RemoteType | undefined, part: (id: number) => SkipOp): SkipOp {
  switch (type?.kind) {
    case "basic":
      return skipBasic(type.name);
    case "custom":
      return skipSized;
    case "interface":
      return skipInterface;
    case "slice":
    case "array":
      return (from) => skipMany(from, from.count(1), [type.elem], part);
    case "map":
      return (from) => skipMany(from, from.count(2), [type.key, type.elem], part);
    case "struct":
      return (from) => skipStruct(from, type, part);
    default:
      throw new Failure("GOB_MALFORMED", `a value of ${remoteName(type)}`);
  }
}

function skipBasic(name: string): SkipOp {
  if (name === "string" || name === "bytes") return skipSized;
  if (name !== "complex") return (from) => from.skipUint();
  return (from) => {
    from.skipUint();
    from.skipUint();
  };
}

function skipSized(from: Reader): void {
  from.skip(from.length());
}

/** Counts towards the limits like values that are kept: skipping takes time, too. */
function skipMany(from: Reader, count: number, ids: readonly number[], part: (id: number) => SkipOp): void {
  const ops = ids.map(part);
  from.enter();
  for (let i = 0; i < count; i++) for (const op of ops) op(from);
  from.leave();
}

/** A struct may also end with its message; see `structOp` in decode-ops.ts. */
function skipStruct(from: Reader, type: Extract<RemoteType, { kind: "struct" }>, part: (id: number) => SkipOp): void {
  let at = -1;
  from.enter();
  while (from.at < from.end) {
    const delta = from.uint();
    if (delta === 0) break;
    at += delta;
    const field = type.fields[at];
    if (field === undefined) throw new Failure("GOB_MALFORMED", `field ${at} of a struct of ${type.fields.length}`);
    part(field.id)(from);
  }
  from.leave();
}

/**
 * `string name | int type id | uint length | value`; an empty name is nil and nothing follows. Go puts definitions of
 * types not yet known in the middle of the value, which may split it over several messages: that is not followed.
 */
function skipInterface(from: Reader): void {
  const name = from.length();
  if (name === 0) return;
  from.skip(name);
  if (from.int() < 0) {
    throw new Failure("GOB_TYPE_MISMATCH", "an interface value that defines its type in place is not supported");
  }
  skipSized(from);
}
