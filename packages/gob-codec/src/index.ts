/**
 * Go's gob streams for TypeScript.
 *
 * A schema describes a Go type; its TypeScript type is inferred. Encoded bytes equal those of Go's `encoding/gob` in a
 * fresh process. Decoding is bounded in time and memory, whatever the bytes.
 *
 * ```ts
 * const point = gob.struct("Point", { X: gob.int, Y: gob.int, Name: gob.string });
 * const bytes = encodeGob(point, { X: 22, Y: 33, Name: "home" });
 * const back = decodeGob(point, bytes); // { X: 22, Y: 33, Name: "home" }
 * ```
 *
 * @packageDocumentation
 */
export { type GobBuilders, gob } from "./builders.ts";
export { decodeGob, GobDecoder } from "./decoder.ts";
export { encodeGob, GobEncoder, type GobEncoderOptions } from "./encoder.ts";
export { GobError, type GobErrorCode } from "./errors.ts";
export type { GobTime } from "./go-values.ts";
export type { GobLimits } from "./reader.ts";
export type {
  Complex,
  CustomCodec,
  Encodable,
  Fields,
  GobOpaque,
  Infer,
  NameOptions,
  OptionalSchema,
  Schema,
  StructValue,
} from "./schema.ts";
