import { gob } from "./builders.ts";
import { BASIC_IDS, FIRST_USER_ID, INTERFACE_ID } from "./definitions.ts";
import type { GoType, OptionalSchema, Schema } from "./schema.ts";

interface Named {
  Name: string;
  Id: number;
}
interface Common {
  CommonType: Named;
}

// gob describes its own descriptions, so they are read by the ordinary decoder, with these as the receiver's types.
const common: Schema<Named> = gob.struct("CommonType", { Name: gob.string, Id: gob.int });
const marshaler: OptionalSchema<Common> = gob.pointer(gob.struct("gobEncoderType", { CommonType: common }));

/** Go's `wireType`: how a stream describes a type. */
export const wireType: Schema<WireType> = gob.struct("wireType", {
  ArrayT: gob.pointer(gob.struct("arrayType", { CommonType: common, Elem: gob.int, Len: gob.int })),
  SliceT: gob.pointer(gob.struct("sliceType", { CommonType: common, Elem: gob.int })),
  StructT: gob.pointer(
    gob.struct("structType", {
      CommonType: common,
      Field: gob.slice(gob.struct("fieldType", { Name: gob.string, Id: gob.int })),
    }),
  ),
  MapT: gob.pointer(gob.struct("mapType", { CommonType: common, Key: gob.int, Elem: gob.int })),
  GobEncoderT: marshaler,
  BinaryMarshalerT: marshaler,
  TextMarshalerT: marshaler,
});

/** See {@link wireType}. One of the fields is present. */
export interface WireType {
  ArrayT?: (Common & { Elem: number; Len: number }) | undefined;
  SliceT?: (Common & { Elem: number }) | undefined;
  StructT?: (Common & { Field: Named[] }) | undefined;
  MapT?: (Common & { Key: number; Elem: number }) | undefined;
  GobEncoderT?: Common | undefined;
  BinaryMarshalerT?: Common | undefined;
  TextMarshalerT?: Common | undefined;
}

/** A type as the sender described it. Parts are ids, which may be undefined yet or never. */
export type RemoteType =
  | { readonly kind: "basic"; readonly name: string }
  | { readonly kind: "interface" }
  | { readonly kind: "array"; readonly elem: number; readonly length: number }
  | { readonly kind: "slice"; readonly elem: number }
  | { readonly kind: "map"; readonly key: number; readonly elem: number }
  | {
      readonly kind: "struct";
      readonly name: string;
      readonly fields: readonly { readonly name: string; readonly id: number }[];
    }
  | { readonly kind: "custom"; readonly marshaler: "gob" | "binary" | "text"; readonly name: string };

/** The id of Go's `wireType` itself. */
export const WIRE_TYPE_ID = 16;
/** Ids below are Go's own and cannot be defined by a stream. */
export const LEAST_DEFINABLE_ID: number = FIRST_USER_ID - 1;

/** A struct of Go's own, by the ids of its parts. */
function struct(name: string, ...fields: [string, number][]): RemoteType {
  return { kind: "struct", name, fields: fields.map(([fieldName, id]) => ({ name: fieldName, id })) };
}

const { int, string } = BASIC_IDS;

/** The types that need no definition. Source: `encoding/gob/doc.go`, the table of bootstrap ids. */
export const BUILT_IN: ReadonlyMap<number, RemoteType> = new Map<number, RemoteType>([
  ...Object.entries(BASIC_IDS)
    .filter(([name]) => !name.endsWith("64"))
    .map(([name, id]): [number, RemoteType] => [id, { kind: "basic", name }]),
  [INTERFACE_ID, { kind: "interface" }],
  [
    WIRE_TYPE_ID,
    struct(
      "wireType",
      ["ArrayT", 17],
      ["SliceT", 19],
      ["StructT", 20],
      ["MapT", 23],
      ["GobEncoderT", 24],
      ["BinaryMarshalerT", 24],
      ["TextMarshalerT", 24],
    ),
  ],
  [17, struct("arrayType", ["CommonType", 18], ["Elem", int], ["Len", int])],
  [18, struct("CommonType", ["Name", string], ["Id", int])],
  [19, struct("sliceType", ["CommonType", 18], ["Elem", int])],
  [20, struct("structType", ["CommonType", 18], ["Field", 22])],
  [21, struct("fieldType", ["Name", string], ["Id", int])],
  [22, { kind: "slice", elem: 21 }],
  [23, struct("mapType", ["CommonType", 18], ["Key", int], ["Elem", int])],
  [24, struct("gobEncoderType", ["CommonType", 18])],
]);

/** The description in a handier form, or undefined unless exactly one field was set. */
export function remoteType(wire: WireType): RemoteType | undefined {
  const forms: RemoteType[] = [];
  if (wire.ArrayT) forms.push({ kind: "array", elem: wire.ArrayT.Elem, length: wire.ArrayT.Len });
  if (wire.SliceT) forms.push({ kind: "slice", elem: wire.SliceT.Elem });
  if (wire.MapT) forms.push({ kind: "map", key: wire.MapT.Key, elem: wire.MapT.Elem });
  if (wire.StructT) {
    const fields = wire.StructT.Field.map(({ Name, Id }) => ({ name: Name, id: Id }));
    forms.push({ kind: "struct", name: wire.StructT.CommonType.Name, fields });
  }
  const marshalers = [wire.GobEncoderT, wire.BinaryMarshalerT, wire.TextMarshalerT];
  (["gob", "binary", "text"] as const).forEach((name, i) => {
    const form = marshalers[i];
    if (form) forms.push({ kind: "custom", marshaler: name, name: form.CommonType.Name });
  });
  return forms.length === 1 ? forms[0] : undefined;
}

/** A remote type in words, for messages. */
export function remoteName(type: RemoteType | undefined): string {
  if (type === undefined) return "an undefined type";
  if (type.kind === "basic" || type.kind === "struct" || type.kind === "custom") return type.name || type.kind;
  return type.kind;
}

/** Ids of the basic forms, as a receiver expects them. */
export function basicId(type: Extract<GoType, { kind: "basic" }>): number {
  return BASIC_IDS[type.form];
}
