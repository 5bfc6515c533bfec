import { Failure } from "./errors.ts";
import type { Reader, Stream } from "./reader.ts";
import { type RemoteType, remoteName } from "./wire-types.ts";

/** Passes over one value of a sender's type. */
export type SkipOp = (from: Reader) => void;

/** The part of {@link Remote} that skipping needs. */
export interface SkipSource {
  skipFor(id: number): SkipOp;
  hasInterface(id: number): boolean;
}

/** The op that skips a value; the ops of its parts are found when they are first needed. */
export function compileSkip(type: RemoteType | undefined, source: SkipSource): SkipOp {
  switch (type?.kind) {
    case "basic":
      return skipBasic(type.name);
    case "custom":
      return skipSized;
    case "interface":
      return skipInterface;
    case "slice":
    case "array":
      return skipMany([type.elem], source);
    case "map":
      return skipMany([type.key, type.elem], source);
    case "struct":
      return (from) => skipStruct(from, type, source);
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
function skipMany(ids: readonly number[], source: SkipSource): SkipOp {
  const bytesEach = ids.some((id) => source.hasInterface(id)) ? 0 : ids.length;
  return (from) => {
    const ops = ids.map((id) => source.skipFor(id));
    const count = from.count(bytesEach);
    from.enter();
    for (let i = 0; i < count; i++) for (const op of ops) op(from);
    from.leave();
  };
}

/** A struct may also end with its message; see `structOp` in decode-ops.ts. */
function skipStruct(from: Reader, type: Extract<RemoteType, { kind: "struct" }>, source: SkipSource): void {
  let at = -1;
  from.enter();
  while (from.at < from.end) {
    const delta = from.uint();
    if (delta === 0) break;
    at += delta;
    const field = type.fields[at];
    if (field === undefined) throw new Failure("GOB_MALFORMED", `field ${at} of a struct of ${type.fields.length}`);
    source.skipFor(field.id)(from);
  }
  from.leave();
}

/** See {@link readInterface}. */
function skipInterface(from: Reader): void {
  readInterface(from, (stream, id) => stream.skip(id, from));
}

/**
 * An interface value: `string name | definitions | int type id | uint length | value`; an empty name is nil and nothing follows.
 *
 * Go defines types that the stream does not know yet behind the name. The message ends with such a definition, and the value goes
 * on in the next one; inside another interface value, a length stands in between instead. So the length of the value says nothing
 * when it has interface values inside, and the value is read to find its end.
 * Source: bytes of Go 1.26 (`test/interfaces.test.ts`).
 */
export function readInterface<T>(from: Reader, read: (stream: Stream, id: number) => T): T | undefined {
  const name = from.length();
  if (name === 0) return undefined;
  from.skip(name);
  const { stream } = from;
  if (stream === undefined) throw new Failure("GOB_MALFORMED", "an interface value inside a definition");
  const id = stream.concreteType(from);
  from.uint();
  from.enter();
  if (!stream.isStruct(id) && from.uint() !== 0) {
    throw new Failure("GOB_MALFORMED", "a single value with a field number");
  }
  const value = read(stream, id);
  from.leave();
  return value;
}
