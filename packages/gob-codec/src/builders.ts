import { GobError } from "./errors.ts";
import { bigIntCodec, type GobTime, timeCodec } from "./go-values.ts";
import type {
  BasicType,
  Complex,
  CustomCodec,
  Fields,
  NameOptions,
  OptionalSchema,
  Schema,
  StructValue,
} from "./schema.ts";

/**
 * Builders of schemas.
 *
 * An absent struct field decodes to the type's zero: `0`, `""`, `[]`, an empty byte array, a struct of zeros;
 * `undefined` for maps and pointers, because Go tells a nil map from an empty one on the wire. The encoder leaves zero
 * fields out, takes `undefined` for zero in any field, and sends a `Map` even when it is empty.
 */
export interface GobBuilders {
  /** Go `bool`. */
  readonly bool: Schema<boolean>;
  /** Go `int64` as a number; a value beyond 2^53 is GOB_RANGE. */
  readonly int: Schema<number>;
  /** Go `int8`. All signed widths look the same on the wire; the width bounds what is received or sent. */
  readonly int8: Schema<number>;
  /** Go `int16`. */
  readonly int16: Schema<number>;
  /** Go `int32`. */
  readonly int32: Schema<number>;
  /** Go `int64` in full, as a bigint. */
  readonly int64: Schema<bigint>;
  /** Go `uint64` as a number; a value above 2^53 - 1 is GOB_RANGE. */
  readonly uint: Schema<number>;
  /** Go `uint8`. A slice of it is `gob.bytes`; an array of it is an array. */
  readonly uint8: Schema<number>;
  /** Go `uint16`. */
  readonly uint16: Schema<number>;
  /** Go `uint32`. */
  readonly uint32: Schema<number>;
  /** Go `uint64` in full, as a bigint. */
  readonly uint64: Schema<bigint>;
  /** Go `float32`: sent as float64; a value above its range is GOB_RANGE. */
  readonly float32: Schema<number>;
  /** Go `float64`. */
  readonly float64: Schema<number>;
  /** Go `complex128`. */
  readonly complex128: Schema<Complex>;
  /** Go `string`. Bytes that are not UTF-8 arrive as U+FFFD: receive such text with a Go type of bytes. */
  readonly string: Schema<string>;
  /** Go `[]byte`. Decoded bytes are a copy. */
  readonly bytes: Schema<Uint8Array>;
  /** Go `[]T`. Nil, empty look the same on the wire. */
  slice<T>(elem: Schema<T>, options?: NameOptions): Schema<T[]>;
  /** Go `[length]T`. Always sent in full. */
  array<T>(elem: Schema<T>, length: number, options?: NameOptions): Schema<T[]>;
  /** Go `map[K]V`. Entries are sent in the map's order, where Go's order is random. */
  map<K, V>(key: Schema<K>, elem: Schema<V>, options?: NameOptions): OptionalSchema<Map<K, V>>;
  /**
   * Go `struct`; the name may be qualified by its package, and is empty for an anonymous struct. Fields in Go's order, exported
   * ones only.
   */
  struct<const F extends Fields>(name: string, fields: F): Schema<StructValue<F>>;
  /** A type named later, for recursive types; annotate the recursive constant with its type. */
  lazy<T>(target: () => Schema<T>): Schema<T>;
  /** Go `*T`. Never on the wire itself; a nil pointer is an absent field, or an error where a value is due. */
  pointer<T>(elem: Schema<T>): OptionalSchema<T>;
  /** The same type under a name of Go's: `gob.named("mesh.PeerName", gob.uint)`. */
  named<T>(name: string, schema: Schema<T>): Schema<T>;
  /** A type that brings its own bytes: Go's GobEncoder, BinaryMarshaler or TextMarshaler. */
  custom<T>(codec: CustomCodec<T>): Schema<T>;
  /** As {@link GobBuilders.custom}, with the bytes themselves as the value; empty bytes are the zero. */
  opaque(name: string, marshaler?: "gob" | "binary" | "text"): Schema<Uint8Array>;
  /** Go `time.Time`, to the nanosecond. */
  readonly time: Schema<GobTime>;
  /** Go `big.Int`. */
  readonly bigInt: Schema<bigint>;
  /**
   * Any value, as its sender described it; also Go `any` (`interface{}`), whose nil is `undefined`. Receives only.
   *
   * Integers are numbers where they are exact, else bigints; maps are `Map`s, structs plain objects with all their fields, and
   * types with bytes of their own a {@link GobOpaque}.
   */
  readonly any: OptionalSchema<unknown>;
}

function basic<T>(form: BasicType["form"], spelling: string, bits = 64): Schema<T> {
  return { type: { kind: "basic", form, bits, spelling } };
}

function checkField(name: string, seen: Set<string>): void {
  if (!/^\p{Lu}[\p{L}\p{Nd}_]*$/u.test(name)) {
    throw new GobError(
      "GOB_SCHEMA",
      `field ${JSON.stringify(name)}: Go sends fields with an upper-case first letter only`,
    );
  }
  if (seen.has(name)) throw new GobError("GOB_SCHEMA", `field ${name} occurs twice`);
  seen.add(name);
}

function slice<T>(elem: Schema<T>, options: NameOptions = {}): Schema<T[]> {
  if (elem.type.kind === "basic" && elem.type.form === "uint" && elem.type.bits === 8) {
    throw new GobError("GOB_SCHEMA", "Go sends []uint8 as bytes: use gob.bytes");
  }
  return { type: { kind: "slice", elem: elem.type, spelling: options.name } };
}

function array<T>(elem: Schema<T>, length: number, options: NameOptions = {}): Schema<T[]> {
  if (!Number.isInteger(length) || length < 0) throw new GobError("GOB_SCHEMA", `an array of length ${length}`);
  return { type: { kind: "array", elem: elem.type, length, spelling: options.name } };
}

function map<K, V>(key: Schema<K>, elem: Schema<V>, options: NameOptions = {}): OptionalSchema<Map<K, V>> {
  return { type: { kind: "map", key: key.type, elem: elem.type, spelling: options.name } };
}

function struct<const F extends Fields>(name: string, fields: F): Schema<StructValue<F>> {
  const seen = new Set<string>();
  const list = Object.entries(fields).map(([fieldName, schema]) => {
    checkField(fieldName, seen);
    return { name: fieldName, type: schema.type };
  });
  return { type: { kind: "struct", spelling: name === "" ? undefined : name, fields: list } };
}

function lazy<T>(target: () => Schema<T>): Schema<T> {
  return { type: { kind: "lazy", target: () => target().type } };
}

function pointer<T>(elem: Schema<T>): OptionalSchema<T> {
  return { type: { kind: "pointer", elem: elem.type } };
}

function named<T>(name: string, schema: Schema<T>): Schema<T> {
  const { type } = schema;
  if (type.kind === "pointer" || type.kind === "lazy" || type.kind === "any") {
    throw new GobError("GOB_SCHEMA", `${name}: pointers, lazy types, and any take no name`);
  }
  return { type: { ...type, spelling: name } };
}

function custom<T>(codec: CustomCodec<T>): Schema<T> {
  return { type: { kind: "custom", spelling: codec.name, codec: codec as CustomCodec<unknown> } };
}

function opaque(name: string, marshaler: "gob" | "binary" | "text" = "gob"): Schema<Uint8Array> {
  return custom<Uint8Array>({
    name,
    marshaler,
    encode: (bytes) => bytes,
    decode: (bytes) => bytes,
    zero: () => new Uint8Array(0),
    isZero: (bytes) => bytes.length === 0,
  });
}

/** The builders; see {@link GobBuilders}. */
export const gob: GobBuilders = {
  bool: basic<boolean>("bool", "bool"),
  int: basic<number>("int", "int64"),
  int8: basic<number>("int", "int8", 8),
  int16: basic<number>("int", "int16", 16),
  int32: basic<number>("int", "int32", 32),
  int64: basic<bigint>("int64", "int64"),
  uint: basic<number>("uint", "uint64"),
  uint8: basic<number>("uint", "uint8", 8),
  uint16: basic<number>("uint", "uint16", 16),
  uint32: basic<number>("uint", "uint32", 32),
  uint64: basic<bigint>("uint64", "uint64"),
  float32: basic<number>("float", "float32", 32),
  float64: basic<number>("float", "float64"),
  complex128: basic<Complex>("complex", "complex128"),
  string: basic<string>("string", "string"),
  bytes: basic<Uint8Array>("bytes", "[]uint8"),
  slice,
  array,
  map,
  struct,
  lazy,
  pointer,
  named,
  custom,
  opaque,
  time: custom(timeCodec),
  bigInt: custom(bigIntCodec),
  any: { type: { kind: "any" } },
};
