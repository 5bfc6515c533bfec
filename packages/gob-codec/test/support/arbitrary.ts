import fc from "fast-check";
import { gob, type Schema } from "../../src/index.ts";

// biome-ignore lint/suspicious/noExplicitAny: types made at random
type Any = any;

/** A schema made at random, and values of it. */
export interface Sample {
  readonly schema: Schema<Any>;
  readonly value: fc.Arbitrary<Any>;
}

const MAX_INT64 = 2n ** 63n - 1n;

const basics: fc.Arbitrary<Sample> = fc.constantFrom<Sample>(
  { schema: gob.bool, value: fc.boolean() },
  { schema: gob.int, value: fc.maxSafeInteger() },
  { schema: gob.int16, value: fc.integer({ min: -32768, max: 32767 }) },
  { schema: gob.int64, value: fc.bigInt({ min: -MAX_INT64 - 1n, max: MAX_INT64 }) },
  { schema: gob.uint, value: fc.maxSafeNat() },
  { schema: gob.uint32, value: fc.integer({ min: 0, max: 0xffffffff }) },
  { schema: gob.uint64, value: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }) },
  { schema: gob.float64, value: fc.double().map((value) => (Object.is(value, -0) ? 0 : value)) },
  { schema: gob.string, value: fc.string({ unit: "grapheme", maxLength: 80 }) },
  { schema: gob.bytes, value: fc.uint8Array({ maxLength: 80 }) },
);

const keys: fc.Arbitrary<Sample> = fc.constantFrom<Sample>(
  { schema: gob.string, value: fc.string({ maxLength: 8 }) },
  { schema: gob.uint, value: fc.maxSafeNat() },
);

function structOf(parts: readonly (readonly [Sample, "plain" | "pointer"])[]): Sample {
  const names = parts.map((_, i) => `F${i}`);
  const fields = parts.map(([part, form]) => (form === "pointer" ? gob.pointer(part.schema) : part.schema));
  const values = parts.map(([part, form]) => (form === "pointer" ? pointee(part) : part.value));
  return {
    schema: gob.struct("S", Object.fromEntries(names.map((name, i) => [name, fields[i] as Schema<Any>]))),
    value: fc.tuple(...values).map((list) => Object.fromEntries(list.map((value, i) => [names[i], value]))),
  };
}

/** A pointer to a zero is lost in a struct, as in Go: arrays and structs are what never counts as zero. */
function pointee(part: Sample): fc.Arbitrary<Any> {
  const kind = part.schema.type.kind;
  return kind === "struct" || kind === "array" ? fc.option(part.value, { nil: undefined }) : fc.constant(undefined);
}

/** Any schema up to a depth, with values. */
export const samples: fc.Arbitrary<Sample> = fc.letrec<{ any: Sample }>((tie) => ({
  any: fc.oneof(
    { depthSize: "small", maxDepth: 4 },
    basics,
    tie("any").map((elem) => ({ schema: gob.slice(elem.schema), value: fc.array(elem.value, { maxLength: 4 }) })),
    fc.tuple(tie("any"), fc.nat(3)).map(([elem, length]) => ({
      schema: gob.array(elem.schema, length),
      value: fc.array(elem.value, { minLength: length, maxLength: length }),
    })),
    fc.tuple(keys, tie("any")).map(([key, elem]) => ({
      schema: gob.map(key.schema, elem.schema),
      value: fc.array(fc.tuple(key.value, elem.value), { maxLength: 4 }).map((entries) => new Map(entries)),
    })),
    fc
      .array(fc.tuple(tie("any"), fc.constantFrom("plain" as const, "pointer" as const)), { maxLength: 5 })
      .map(structOf),
  ),
})).any;

/** A schema and some values of it. */
export const streams: fc.Arbitrary<{ schema: Schema<Any>; values: Any[] }> = samples.chain(({ schema, value }) =>
  fc.record({ schema: fc.constant(schema), values: fc.array(value, { minLength: 1, maxLength: 4 }) }),
);
