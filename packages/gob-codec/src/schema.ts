import { GobError } from "./errors.ts";

declare const value: unique symbol;
declare const absent: unique symbol;

/** A Go type and the TypeScript type of its values. Made by {@link gob}; holds no state, so share it freely. */
export interface Schema<T> {
  /** Exists for the type checker only. */
  readonly [value]?: T;
  /** The Go type behind the schema. Internal: its shape may change in any release. */
  readonly type: GoType;
}

/** A schema whose value may be absent from a struct: Go's nil map or nil pointer. */
export interface OptionalSchema<T> extends Schema<T> {
  readonly [absent]?: true;
}

/** The TypeScript type of a schema's values. */
export type Infer<S> = S extends Schema<infer T> ? T : never;

/** The fields of a Go struct, in Go's order. */
export type Fields = { readonly [name: string]: Schema<unknown> };

type OptionalNames<F extends Fields> = {
  [K in keyof F]: F[K] extends { [absent]?: true } ? (typeof absent extends keyof F[K] ? K : never) : never;
}[keyof F];
type Flat<T> = { [K in keyof T]: T[K] };

/** The object that a struct's fields make. Nil-able fields are optional. */
export type StructValue<F extends Fields> = Flat<
  { [K in Exclude<keyof F, OptionalNames<F>>]: Infer<F[K]> } & { [K in OptionalNames<F>]?: Infer<F[K]> | undefined }
>;

/** What the encoder takes for a type: the same, where read-only arrays, maps and objects will do. */
export type Encodable<T> = T extends Uint8Array | Date
  ? T
  : T extends Map<infer K, infer V>
    ? ReadonlyMap<Encodable<K>, Encodable<V>>
    : T extends (infer E)[]
      ? readonly Encodable<E>[]
      : T extends object
        ? { readonly [K in keyof T]: Encodable<T[K]> }
        : T;

/** Options of the types that Go programs may name. */
export interface NameOptions {
  /**
   * The type's name in Go, qualified by its package or not: `ring.entries`. A text that starts with `[`, `map[` or `*`
   * spells an unnamed type instead, where the derived spelling differs: `[]mesh.PeerName`.
   * Names are informative for receivers; they matter for byte-equality with Go only.
   */
  readonly name?: string;
}

/** How a custom type (GobEncoder, BinaryMarshaler, TextMarshaler) turns into bytes. */
export interface CustomCodec<T> {
  /** The type's name in Go, such as `time.Time`. */
  readonly name: string;
  /** Which of Go's interfaces the type has. @defaultValue "gob" */
  readonly marshaler?: "gob" | "binary" | "text";
  /** Bytes of a value. */
  encode(value: T): Uint8Array;
  /** The value of some bytes, which are a copy of its own. A throw becomes GOB_CUSTOM. */
  decode(bytes: Uint8Array): T;
  /** What an absent struct field stands for. */
  zero(): T;
  /** Whether a struct field is left out. @defaultValue never */
  isZero?(value: T): boolean;
}

/** A value that its Go type turned into bytes itself, as `gob.any` receives it. */
export interface GobOpaque {
  /** The type's name without its package; empty where Go leaves it out. */
  readonly name: string;
  readonly marshaler: "gob" | "binary" | "text";
  readonly bytes: Uint8Array;
}

/** Numbers and the like, which need no definition on the wire. */
export interface BasicType {
  readonly kind: "basic";
  readonly form: "bool" | "int" | "int64" | "uint" | "uint64" | "float" | "complex" | "string" | "bytes";
  /** Width of the receiver, for integers and floats. */
  readonly bits: number;
  readonly spelling: string;
}
interface Named {
  /** What Go's `Type.String()` says; derived for unnamed types. */
  readonly spelling?: string | undefined;
}
/** A type as Go's reflection would describe it. */
export type GoType =
  | BasicType
  | (Named & { readonly kind: "slice"; readonly elem: GoType })
  | (Named & { readonly kind: "array"; readonly elem: GoType; readonly length: number })
  | (Named & { readonly kind: "map"; readonly key: GoType; readonly elem: GoType })
  | {
      readonly kind: "struct";
      /** Absent for an anonymous struct. */
      readonly spelling?: string | undefined;
      readonly fields: readonly { readonly name: string; readonly type: GoType }[];
    }
  | { readonly kind: "any" }
  | { readonly kind: "pointer"; readonly elem: GoType }
  | { readonly kind: "lazy"; readonly target: () => GoType }
  | { readonly kind: "custom"; readonly spelling: string; readonly codec: CustomCodec<unknown> };

/** A type with its pointers and laziness taken off: what gob calls the base type. */
export type BaseType = Exclude<GoType, { kind: "pointer" | "lazy" }>;

/** Takes pointers and laziness off. */
export function baseOf(type: GoType): BaseType {
  let base = type;
  for (let hops = 0; base.kind === "pointer" || base.kind === "lazy"; hops++) {
    if (hops > 100)
      throw new GobError(
        "GOB_SCHEMA",
        "a type is a pointer to itself and nothing else; give it a struct, slice, or map",
      );
    base = base.kind === "pointer" ? base.elem : base.target();
  }
  return base;
}

/** Whether a pointer comes before the base type. */
export function isPointer(type: GoType): boolean {
  const outer = type.kind === "lazy" ? type.target() : type;
  return outer.kind === "lazy" ? isPointer(outer) : outer.kind === "pointer";
}

/** A complex number. */
export interface Complex {
  readonly re: number;
  readonly im: number;
}
