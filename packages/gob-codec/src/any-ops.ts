import { type DecodeOp, mapOp, type Remote, readAll } from "./decode-ops.ts";
import { Failure, through } from "./errors.ts";
import type { Reader } from "./reader.ts";
import type { GobOpaque } from "./schema.ts";
import { readInterface } from "./skip-ops.ts";
import { type RemoteType, remoteName } from "./wire-types.ts";

/** The op that reads a value as its sender described it. Parts are compiled when they are first needed: types may be recursive. */
export function compileAny(type: RemoteType | undefined, remote: Remote): DecodeOp {
  const part =
    (id: number): DecodeOp =>
    (from) =>
      remote.anyFor(id)(from);
  switch (type?.kind) {
    case "basic":
      return basicOp(type.name);
    case "custom":
      return (from): GobOpaque => ({ name: type.name, marshaler: type.marshaler, bytes: from.sized() });
    case "interface":
      return (from) => readInterface(from, (stream, id) => stream.any(id, from));
    case "slice":
    case "array":
      return (from) => readAll(from, from.count(remote.hasInterface(type.elem) ? 0 : 1), part(type.elem));
    case "map":
      return mapOp(
        part(type.key),
        part(type.elem),
        [type.key, type.elem].some((id) => remote.hasInterface(id)) ? 0 : 2,
      );
    case "struct":
      return structOp(type, remote);
    default:
      throw new Failure("GOB_MALFORMED", `a value of ${remoteName(type)}`);
  }
}

function basicOp(name: string): DecodeOp {
  switch (name) {
    case "bool":
      return (from) => from.uint() !== 0;
    case "int":
      return (from) => narrow(from.int64());
    case "uint":
      return (from) => narrow(from.uint64());
    case "float":
      return (from) => from.float();
    case "complex":
      return (from) => ({ re: from.float(), im: from.float() });
    case "string":
      return (from) => from.string();
    default:
      return (from) => from.sized();
  }
}

/** A number where it is exact. */
const narrow = (value: bigint): number | bigint => {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
};

type SentStruct = Extract<RemoteType, { kind: "struct" }>;

/** An object with all fields of the sender's type, in its order; absent ones are zero. */
function structOp(type: SentStruct, remote: Remote): DecodeOp {
  // Only such names are Go's, and none of them is a property that objects have from birth.
  const odd = type.fields.find(({ name }) => !/^\p{Lu}/u.test(name));
  if (odd !== undefined) throw new Failure("GOB_MALFORMED", `a struct field named ${JSON.stringify(odd.name)}`);
  const { fields } = type;
  return (from) => {
    const values: Record<string, unknown> = {};
    for (const { name, id } of fields) values[name] = zeroOf(remote.typeOf(id));
    readFields(from, fields, (name, id) => {
      values[name] = remote.anyFor(id)(from);
    });
    return values;
  };
}

function readFields(from: Reader, fields: SentStruct["fields"], read: (name: string, id: number) => void): void {
  let at = -1;
  from.enter();
  try {
    // As for structs with a schema, the end of the message may stand for the terminators.
    while (from.at < from.end) {
      const delta = from.uint();
      if (delta === 0) break;
      at += delta;
      const field = fields[at];
      if (field === undefined) throw new Failure("GOB_MALFORMED", `field ${at} of a struct of ${fields.length}`);
      read(field.name, field.id);
    }
  } catch (error) {
    const name = fields[at]?.name;
    throw name === undefined ? error : through(error, `.${name}`);
  }
  from.leave();
}

/** What an absent field stands for: structs and arrays are always sent, so an absent one is a nil pointer. */
function zeroOf(type: RemoteType | undefined): unknown {
  if (type?.kind === "slice") return [];
  if (type?.kind !== "basic") return undefined;
  switch (type.name) {
    case "bool":
      return false;
    case "string":
      return "";
    case "bytes":
      return new Uint8Array(0);
    case "complex":
      return { re: 0, im: 0 };
    default:
      return 0;
  }
}
