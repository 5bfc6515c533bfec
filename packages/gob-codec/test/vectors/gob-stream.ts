import { isDeepStrictEqual } from "node:util";
import { fromHex, toHex, type VectorCase, type VectorSuite } from "../../../../test/vectors/suite.ts";
import { decodeGob, GobDecoder, GobEncoder, GobError, gob, type Schema } from "../../src/index.ts";

/** A Go type as the vector files describe it. */
interface VectorType {
  readonly kind: string;
  readonly bits?: number;
  readonly len?: number;
  readonly goName?: string;
  readonly goString?: string;
  readonly pointer?: boolean;
  readonly key?: VectorType;
  readonly elem?: VectorType;
  readonly fields?: readonly { readonly name: string; readonly type: VectorType }[];
}
// biome-ignore lint/suspicious/noExplicitAny: values follow a type known at run time only
type Any = any;

/** Equal descriptions are one Go type, hence one schema. Bounded by: types in the vector files. */
const schemas = new Map<string, Schema<Any>>();

/** The schema of a described type. */
export function schemaOf(type: VectorType): Schema<Any> {
  const { pointer, ...target } = type;
  if (pointer) return gob.pointer(schemaOf(target));
  const key = JSON.stringify(target);
  const schema = schemas.get(key) ?? build(target);
  schemas.set(key, schema);
  return schema;
}

function build(type: VectorType): Schema<Any> {
  const name = type.goString ?? type.goName;
  const options = name === undefined ? {} : { name };
  switch (type.kind) {
    case "slice":
      return gob.slice(schemaOf(type.elem!), options);
    case "array":
      return gob.array(schemaOf(type.elem!), type.len!, options);
    case "map":
      return gob.map(schemaOf(type.key!), schemaOf(type.elem!), options);
    case "struct":
      return gob.struct(name ?? "", Object.fromEntries(type.fields!.map((f) => [f.name, schemaOf(f.type)])));
    default:
      return name === undefined ? basic(type) : gob.named(name, basic(type));
  }
}

function basic(type: VectorType): Schema<Any> {
  const forms: Record<string, Schema<Any>> = { ...gob, float: type.bits === 32 ? gob.float32 : gob.float64 } as Any;
  const form = forms[type.kind === "int" || type.kind === "uint" ? `${type.kind}${type.bits ?? 64}` : type.kind];
  if (form === undefined) throw new Error(`the vectors use an unknown type ${JSON.stringify(type)}`);
  return form;
}

/** A value from its form in the file. */
export function fromVector(type: VectorType, value: Any): Any {
  if (type.pointer && value === null) return undefined;
  switch (type.kind) {
    case "int":
    case "uint":
      return (type.bits ?? 64) === 64 ? BigInt(value) : Number(value);
    case "float":
      return Number(value);
    case "bytes":
      return fromHex(value ?? "");
    case "slice":
    case "array":
      return (value ?? []).map((elem: Any) => fromVector(type.elem!, elem));
    case "map":
      return value === null
        ? undefined
        : new Map(value.map(([k, v]: Any) => [fromVector(type.key!, k), fromVector(type.elem!, v)]));
    case "struct":
      return Object.fromEntries(type.fields!.map((f) => [f.name, fromVector(f.type, value[f.name] ?? null)]));
    default:
      return value;
  }
}

/** A value in the file's form, where empty lists, empty bytes and nil are the same, and maps are sorted. */
export function toVector(type: VectorType, value: Any): Any {
  if (value === undefined || value === null) return null;
  switch (type.kind) {
    case "int":
    case "uint":
    case "float":
      return String(value);
    case "bytes":
      return value.length === 0 ? null : toHex(value);
    case "slice":
      return value.length === 0 ? null : value.map((elem: Any) => toVector(type.elem!, elem));
    case "array":
      return value.map((elem: Any) => toVector(type.elem!, elem));
    case "map": {
      const entries = [...value].map(([k, v]) => [toVector(type.key!, k), toVector(type.elem!, v)]);
      return entries.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
    }
    case "struct":
      return Object.fromEntries(type.fields!.map((f) => [f.name, toVector(f.type, value[f.name])]));
    default:
      return value;
  }
}

function equal(what: string, actual: unknown, expected: unknown): void {
  if (isDeepStrictEqual(actual, expected)) return;
  throw new Error(`${what}: got ${JSON.stringify(actual)}, expected ${JSON.stringify(expected)}`);
}

function normal(type: VectorType, value: Any): Any {
  return toVector(type, fromVector(type, value));
}

function topLevel(type: VectorType, value: Any): Any {
  // A nil map at top level is sent as an empty one.
  return type.kind === "map" && value === null ? [] : value;
}

function checkStream({ input, hex, decoded, order }: VectorCase): void {
  const bytes = fromHex(hex);
  const types: VectorType[] = input.values.map((v: Any) => v.type);
  const decoder = new GobDecoder(bytes);
  const values = types.map((type, i) => {
    const value = decoder.next(schemaOf(type));
    equal(`end of value ${i}`, bytes.length - decoder.remaining, input.endOffsets[i]);
    equal(`value ${i}`, toVector(type, value), normal(type, decoded[i]));
    return value;
  });
  equal("bytes left", decoder.remaining, 0);
  // Maps come out of the decoder in the sender's order, so encoding again gives its bytes even where order is random.
  const again = new GobEncoder();
  equal("encoded again", toHex(Buffer.concat(types.map((type, i) => again.encode(schemaOf(type), values[i])))), hex);
  const fresh = new GobEncoder();
  const parts = types.map((type, i) =>
    fresh.encode(schemaOf(type), fromVector(type, topLevel(type, input.values[i].value))),
  );
  if (order === "any") equal("encoded length", Buffer.concat(parts).length, bytes.length);
  else equal("encoded", toHex(Buffer.concat(parts)), hex);
}

function checkReceived(type: VectorType, { hex, decoded, expected }: VectorCase): void {
  if (expected?.error === undefined) {
    equal("received", toVector(type, decodeGob(schemaOf(type), fromHex(hex))), normal(type, decoded));
    return;
  }
  try {
    decodeGob(schemaOf(type), fromHex(hex));
  } catch (error) {
    if (error instanceof GobError) return;
    throw error;
  }
  throw new Error(`decoded, where Go says: ${expected.error}`);
}

/** Streams, schema evolution, malformed input. */
export const gobStream: VectorSuite = {
  file: "gob-stream.json",
  kinds: {
    stream: checkStream,
    evolve(testCase) {
      const { sent, receiverType } = testCase.input;
      const bytes = new GobEncoder().encode(schemaOf(sent.type), fromVector(sent.type, sent.value));
      equal("encoded", toHex(bytes), testCase.hex);
      checkReceived(receiverType, testCase);
    },
    malformed: (testCase) => checkReceived(testCase.input.receiverType, testCase),
  },
};
