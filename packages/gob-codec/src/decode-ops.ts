import { spell } from "./definitions.ts";
import { integerBounds } from "./encode-ops.ts";
import { Failure, through } from "./errors.ts";
import type { Reader } from "./reader.ts";
import { type BaseType, type BasicType, baseOf, type GoType } from "./schema.ts";
import type { SkipOp } from "./skip-ops.ts";
import { basicId, type RemoteType, remoteName } from "./wire-types.ts";
import { zeroOf } from "./zero.ts";

/*
 * A receiver's type and a sender's are joined once, into closures. Types are compared then, numbers when they are read:
 * so a mismatch is found even in a stream whose lists are empty, and values pay for nothing but their own checks.
 * The rules are those of Go's `decode.go`: fields match by name, everything else by kind.
 */

/** Reads one value of a type. */
export type DecodeOp = (from: Reader) => unknown;

/** The part of a stream that compiling needs. */
export interface Remote {
  typeOf(id: number): RemoteType | undefined;
  /** The op for a part, compiled at most once per pair. */
  opFor(type: GoType, id: number): DecodeOp;
  skipFor(id: number): SkipOp;
  /** The op that reads a value of a sender's type without a schema. */
  anyFor(id: number): DecodeOp;
  /** Whether values of a type may hold interface values, which may go on in later messages. */
  hasInterface(id: number): boolean;
}

/** Joins a receiver's type with a sender's, or throws a Failure that says where they part. */
export function compileDecode(type: BaseType, id: number, remote: Remote): DecodeOp {
  const sent = remote.typeOf(id);
  switch (type.kind) {
    case "basic":
      if (id !== basicId(type)) throw mismatch(type.spelling, sent);
      return basicOp(type);
    case "slice":
      if (sent?.kind !== "slice") throw mismatch("a slice", sent);
      return sliceOp(part(remote, type.elem, sent.elem, "[]"), leastBytes(remote, sent.elem));
    case "array":
      if (sent?.kind !== "array") throw mismatch("an array", sent);
      if (sent.length !== type.length) {
        throw new Failure("GOB_TYPE_MISMATCH", `expected an array of ${type.length}, got one of ${sent.length}`);
      }
      return arrayOp(part(remote, type.elem, sent.elem, "[]"), type.length, leastBytes(remote, sent.elem));
    case "map":
      if (sent?.kind !== "map") throw mismatch("a map", sent);
      return mapOp(
        part(remote, type.key, sent.key, "[key]"),
        part(remote, type.elem, sent.elem, "[]"),
        leastBytes(remote, sent.key, sent.elem),
      );
    case "struct":
      if (sent?.kind !== "struct") throw mismatch(`struct ${spell(type)}`, sent);
      return structOp(type, sent, remote);
    case "any":
      return remote.anyFor(id);
    case "custom":
      if (sent?.kind !== "custom" || sent.marshaler !== (type.codec.marshaler ?? "gob")) {
        throw mismatch(`${type.codec.name} by its ${type.codec.marshaler ?? "gob"} marshaler`, sent);
      }
      return customOp(type);
  }
}

/** Bytes that each element takes at least in the message at hand. */
function leastBytes(remote: Remote, ...ids: readonly number[]): number {
  return ids.some((id) => remote.hasInterface(id)) ? 0 : ids.length;
}

function mismatch(expected: string, sent: RemoteType | undefined): Failure {
  return new Failure("GOB_TYPE_MISMATCH", `expected ${expected}, got ${remoteName(sent)}`);
}

function part(remote: Remote, type: GoType, id: number, step: string): DecodeOp {
  try {
    return remote.opFor(type, id);
  } catch (error) {
    throw through(error, step);
  }
}

function basicOp(type: BasicType): DecodeOp {
  switch (type.form) {
    case "bool":
      return (from) => from.uint() !== 0;
    case "int":
      return type.bits > 53 ? (from) => from.int() : bounded(type, (from) => from.int());
    case "uint":
      return type.bits > 53 ? (from) => from.uint() : bounded(type, (from) => from.uint());
    case "int64":
      return (from) => from.int64();
    case "uint64":
      return (from) => from.uint64();
    case "float":
      return type.bits === 32 ? (from) => singleFloat(from.float()) : (from) => from.float();
    case "complex":
      return (from) => ({ re: from.float(), im: from.float() });
    case "string":
      return (from) => from.string();
    case "bytes":
      return (from) => from.sized();
  }
}

/** Widths below 53 bits: a sender may use a wider type than ours as long as its values fit. */
function bounded(type: BasicType, read: (from: Reader) => number): DecodeOp {
  const { min, max } = integerBounds(type);
  return (from) => {
    const value = read(from);
    if (value < min || value > max) throw new Failure("GOB_RANGE", `${value} does not fit ${type.spelling}`);
    return value;
  };
}

function singleFloat(value: number): number {
  const single = Math.fround(value);
  if (Number.isFinite(value) && !Number.isFinite(single))
    throw new Failure("GOB_RANGE", `${value} does not fit float32`);
  return single;
}

/**
 * The array grows as elements arrive instead of being made at once: a count is a claim until its bytes were read.
 * `leave` is not in a `finally`, because a reader that failed is not used again.
 */
export function readAll(from: Reader, count: number, op: DecodeOp): unknown[] {
  const values: unknown[] = [];
  from.enter();
  try {
    for (let i = 0; i < count; i++) values.push(op(from));
  } catch (error) {
    throw through(error, `[${values.length}]`);
  }
  from.leave();
  return values;
}

function sliceOp(op: DecodeOp, bytesEach: number): DecodeOp {
  return (from) => readAll(from, from.count(bytesEach), op);
}

function arrayOp(op: DecodeOp, length: number, bytesEach: number): DecodeOp {
  return (from) => {
    const count = from.count(bytesEach);
    if (count !== length) throw new Failure("GOB_MALFORMED", `${count} elements for an array of ${length}`);
    return readAll(from, count, op);
  };
}

/** A key that comes twice keeps its last value, as in Go. */
export function mapOp(keyOp: DecodeOp, elemOp: DecodeOp, bytesEach: number): DecodeOp {
  return (from) => {
    const count = from.count(bytesEach);
    const values = new Map<unknown, unknown>();
    let key: unknown;
    from.enter();
    try {
      for (let i = 0; i < count; i++) {
        key = undefined;
        key = keyOp(from);
        values.set(key, elemOp(from));
      }
    } catch (error) {
      throw through(error, `[${typeof key === "object" ? "#" : (key ?? "key")}]`);
    }
    from.leave();
    return values;
  };
}

/** One field of the sender's struct: where it goes, or how to pass over it. */
interface FieldOp {
  readonly name: string;
  readonly read: DecodeOp | undefined;
  readonly skip: SkipOp;
}

function structOp(
  type: Extract<GoType, { kind: "struct" }>,
  sent: Extract<RemoteType, { kind: "struct" }>,
  remote: Remote,
): DecodeOp {
  const own = new Map(type.fields.map((field) => [field.name, field.type]));
  const ops = sent.fields.map(({ name, id }) => fieldOp(name, id, own.get(name), remote));
  const { constants, fresh } = zeroFields(type);
  const count = ops.length;
  return (from) => {
    // Every object starts with all its fields in the schema's order, so that engines see one shape.
    const values: Record<string, unknown> = { ...constants };
    let at = -1;
    from.enter();
    try {
      // Like Go, let the end of the message stand for the terminators of the structs that are still open.
      while (from.at < from.end) {
        const delta = from.uint();
        if (delta === 0) break;
        at += delta;
        if (at >= count) throw new Failure("GOB_MALFORMED", `field ${at} of a struct of ${count}`);
        const { name, read, skip } = ops[at] as FieldOp;
        if (read === undefined) skip(from);
        else values[name] = read(from);
      }
    } catch (error) {
      const name = ops[at]?.name;
      throw name === undefined ? error : through(error, `.${name}`);
    }
    from.leave();
    for (const { name, zero } of fresh) if (values[name] === undefined) values[name] = zero();
    return values;
  };
}

/** Skipping is compiled when first needed: most unknown fields of most messages are absent. */
function fieldOp(name: string, id: number, type: GoType | undefined, remote: Remote): FieldOp {
  if (name === "") throw new Failure("GOB_MALFORMED", "a struct field without a name");
  const skip: SkipOp = (from) => remote.skipFor(id)(from);
  if (type === undefined) return { name, read: undefined, skip };
  return { name, read: part(remote, type, id, `.${name}`), skip };
}

/** Zeros that may be shared between objects, and makers of those that may not. */
function zeroFields(type: Extract<GoType, { kind: "struct" }>): {
  constants: Record<string, unknown>;
  fresh: { readonly name: string; readonly zero: () => unknown }[];
} {
  const constants: Record<string, unknown> = {};
  const fresh: { readonly name: string; readonly zero: () => unknown }[] = [];
  for (const field of type.fields) {
    const sharable = field.type.kind === "basic" && field.type.form !== "bytes" && field.type.form !== "complex";
    constants[field.name] = sharable ? zeroOf(field.type) : undefined;
    if (!sharable && !isNilable(field.type)) fresh.push({ name: field.name, zero: () => zeroOf(field.type) });
  }
  return { constants, fresh };
}

/** Absent ones stay undefined: nil and empty differ on the wire. */
function isNilable(type: GoType): boolean {
  const base = baseOf(type).kind;
  return type.kind === "pointer" || base === "map" || base === "any";
}

/** The bytes are a copy, so a codec may keep them. */
function customOp(type: Extract<GoType, { kind: "custom" }>): DecodeOp {
  const { codec } = type;
  return (from) => {
    const bytes = from.sized();
    try {
      return codec.decode(bytes);
    } catch (error) {
      throw new Failure("GOB_CUSTOM", `${codec.name} could not be decoded`, error);
    }
  };
}
