import { spell } from "./definitions.ts";
import { Failure, through } from "./errors.ts";
import { type BasicType, baseOf, type Complex, type GoType } from "./schema.ts";
import { checkInteger, describe, type Writer } from "./writer.ts";
import { zeroOf } from "./zero.ts";

/*
 * Closures made once per type, so that encoding walks no descriptions. The zero of a type is left out of a struct, and differs
 * by kind (Go's `encode.go`):
 *
 *   left out      0, false, "", empty bytes, empty slices, nil maps, nil pointers, zeros behind pointers
 *   always sent   structs, arrays, maps that exist, whatever they contain
 *
 * Inside slices, arrays, maps nothing is left out: there is no field number to tell that something is missing.
 */

/** How values of one type are written. */
export interface EncodeOp {
  /** Writes the value in full, zero or not. */
  write(out: Writer, value: unknown): void;
  /** Whether a struct leaves the field out. `undefined` always counts as zero where the type allows to leave out. */
  isZero(value: unknown): boolean;
}

/** Bounded by: schemas alive. */
const compiled = new WeakMap<GoType, EncodeOp>();

/** The way to write a type, made once per type. */
export function encodeOp(type: GoType): EncodeOp {
  const known = compiled.get(type);
  if (known !== undefined) return known;
  // Recursive types meet themselves while being compiled: they get a stand-in that looks the finished one up.
  const standIn: EncodeOp = {
    write: (out, value) => (compiled.get(type) as EncodeOp).write(out, value),
    isZero: (value) => (compiled.get(type) as EncodeOp).isZero(value),
  };
  compiled.set(type, standIn);
  try {
    const op = compile(type);
    compiled.set(type, op);
    return op;
  } catch (error) {
    compiled.delete(type);
    throw error;
  }
}

function compile(type: GoType): EncodeOp {
  switch (type.kind) {
    case "basic":
      return basicOp(type);
    case "slice":
      return sequenceOp(type.elem);
    case "array":
      return arrayOp(type.elem, type.length);
    case "map":
      return mapOp(type.key, type.elem);
    case "struct":
      return structOp(type);
    case "custom":
      return customOp(type);
    case "any":
      return anyOp();
    default:
      return pointerOp(type);
  }
}

function wrong(expected: string, value: unknown): Failure {
  return new Failure("GOB_VALUE", `expected ${expected}, got ${describe(value)}`);
}

function basicOp(type: BasicType): EncodeOp {
  switch (type.form) {
    case "bool":
      return {
        write(out, value) {
          if (typeof value !== "boolean") throw wrong("a boolean", value);
          out.byte(value ? 1 : 0);
        },
        isZero: (value) => value === false || value === undefined,
      };
    case "int":
    case "uint":
      return integerOp(type);
    case "int64":
    case "uint64":
      return wideOp(type);
    case "float":
      return {
        write: (out, value) => out.float(checkFloat(value, type.bits)),
        isZero: (value) => value === 0 || value === undefined,
      };
    case "complex":
      return complexOp();
    case "string":
      return {
        write(out, value) {
          if (typeof value !== "string") throw wrong("a string", value);
          out.string(value);
        },
        isZero: (value) => value === "" || value === undefined,
      };
    case "bytes":
      return {
        write(out, value) {
          if (!(value instanceof Uint8Array)) throw wrong("a Uint8Array", value);
          out.sized(value);
        },
        isZero: (value) => value === undefined || (value instanceof Uint8Array && value.length === 0),
      };
  }
}

/** The least and greatest value of an integer type, within what a number holds exactly. */
export function integerBounds(type: BasicType): { readonly min: number; readonly max: number } {
  const signed = type.form === "int";
  if (type.bits > 53) return { min: signed ? Number.MIN_SAFE_INTEGER : 0, max: Number.MAX_SAFE_INTEGER };
  const size = 2 ** type.bits;
  return signed ? { min: -size / 2, max: size / 2 - 1 } : { min: 0, max: size - 1 };
}

/** All widths look the same on the wire; the check is what keeps a receiver in Go from refusing the number. */
function integerOp(type: BasicType): EncodeOp {
  const { min, max } = integerBounds(type);
  const signed = type.form === "int";
  return {
    write(out, value) {
      const integer = checkInteger(value, min, max, type.spelling);
      if (signed) out.int(integer);
      else out.uint(integer);
    },
    isZero: (value) => value === 0 || value === undefined,
  };
}

function wideOp(type: BasicType): EncodeOp {
  const signed = type.form === "int64";
  const min = signed ? -(2n ** 63n) : 0n;
  const max = signed ? 2n ** 63n - 1n : 2n ** 64n - 1n;
  return {
    write(out, value) {
      if (typeof value !== "bigint") throw wrong(`a bigint for ${type.spelling}`, value);
      if (value < min || value > max) throw new Failure("GOB_RANGE", `${value} does not fit ${type.spelling}`);
      if (signed) out.int64(value);
      else out.uint64(value);
    },
    isZero: (value) => value === 0n || value === undefined,
  };
}

function checkFloat(value: unknown, bits: number): number {
  if (typeof value !== "number") throw wrong("a number", value);
  if (bits === 32 && Number.isFinite(value) && !Number.isFinite(Math.fround(value))) {
    throw new Failure("GOB_RANGE", `${value} does not fit float32`);
  }
  return bits === 32 ? Math.fround(value) : value;
}

/** Two floats, real part first. */
function complexOp(): EncodeOp {
  return {
    write(out, value) {
      const { re, im } = (value ?? {}) as Partial<Complex>;
      if (typeof re !== "number" || typeof im !== "number") throw wrong("{ re, im }", value);
      out.float(re);
      out.float(im);
    },
    isZero: (value) => value === undefined || ((value as Complex).re === 0 && (value as Complex).im === 0),
  };
}

/** The index is kept outside the loop for the error alone: a `try` per element would cost every element. */
function writeAll(out: Writer, values: readonly unknown[], write: EncodeOp["write"]): void {
  let i = 0;
  try {
    for (; i < values.length; i++) write(out, values[i]);
  } catch (error) {
    throw through(error, `[${i}]`);
  }
}

function sequenceOp(elem: GoType): EncodeOp {
  const op = encodeOp(elem);
  return {
    write(out, value) {
      if (!Array.isArray(value)) throw wrong("an array", value);
      out.uint(value.length);
      writeAll(out, value, op.write);
    },
    isZero: (value) => value === undefined || (Array.isArray(value) && value.length === 0),
  };
}

/** As a slice: Go sends the count, although the receiver knows it. */
function arrayOp(elem: GoType, length: number): EncodeOp {
  const op = encodeOp(elem);
  return {
    write(out, value) {
      if (!Array.isArray(value) || value.length !== length) throw wrong(`an array of ${length}`, value);
      out.uint(length);
      writeAll(out, value, op.write);
    },
    isZero: () => false,
  };
}

function mapOp(key: GoType, elem: GoType): EncodeOp {
  const keyOp = encodeOp(key);
  const elemOp = encodeOp(elem);
  return {
    write(out, value) {
      // Where a value is due, Go sends a nil map as an empty one.
      if (value === undefined) return out.byte(0);
      if (!(value instanceof Map)) throw wrong("a Map", value);
      out.uint(value.size);
      for (const [k, v] of value) {
        try {
          keyOp.write(out, k);
          elemOp.write(out, v);
        } catch (error) {
          throw through(error, `[${describe(k)}]`);
        }
      }
    },
    // Go sends an empty map; only a nil one is left out.
    isZero: (value) => value === undefined,
  };
}

function structOp(type: Extract<GoType, { kind: "struct" }>): EncodeOp {
  const fields = type.fields.map((field) => ({ name: field.name, type: field.type, op: encodeOp(field.type) }));
  const count = fields.length;
  return {
    write(out, value) {
      if (typeof value !== "object" || value === null) throw wrong(`an object for ${spell(type)}`, value);
      let last = -1;
      let i = 0;
      try {
        for (; i < count; i++) {
          const { name, type: fieldType, op } = fields[i] as (typeof fields)[number];
          const part = (value as Record<string, unknown>)[name];
          if (op.isZero(part)) continue;
          out.uint(i - last);
          last = i;
          op.write(out, part === undefined ? zeroOf(fieldType) : part);
        }
      } catch (error) {
        throw through(error, `.${fields[i]?.name}`);
      }
      out.byte(0);
    },
    // Go sends struct fields even when all in them is zero.
    isZero: () => false,
  };
}

/** A length and whatever the type makes of itself. Its failures are told apart from ours. */
function customOp(type: Extract<GoType, { kind: "custom" }>): EncodeOp {
  const { codec } = type;
  return {
    write(out, value) {
      let bytes: Uint8Array;
      try {
        bytes = codec.encode(value);
      } catch (error) {
        throw new Failure("GOB_CUSTOM", `${codec.name} could not be encoded`, error);
      }
      out.sized(bytes);
    },
    isZero: (value) => value === undefined || codec.isZero?.(value) === true,
  };
}

/** Go sends an interface value with the name under which its type is registered, which is not known here. Nil is an absent field. */
function anyOp(): EncodeOp {
  return {
    write() {
      throw new Failure("GOB_VALUE", "an interface value cannot be sent; use the schema of its concrete type");
    },
    isZero: (value) => value === undefined,
  };
}

/** A pointer is its target; nil is an absent field. Like Go, a pointer to a zero number or string is left out too. */
function pointerOp(type: GoType): EncodeOp {
  const base = baseOf(type);
  const op = encodeOp(base);
  const nilable = type.kind === "pointer";
  return {
    write(out, value) {
      if (value === undefined && nilable) throw new Failure("GOB_VALUE", "a nil pointer cannot be sent here");
      op.write(out, value);
    },
    isZero: (value) => (value === undefined && nilable) || op.isZero(value),
  };
}
