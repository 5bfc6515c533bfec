import { Failure } from "./errors.ts";
import type { BasicType, GoType } from "./schema.ts";

/** What an absent struct field of a type stands for; objects are new each time. */
export function zeroOf(type: GoType): unknown {
  switch (type.kind) {
    case "basic":
      return basicZero(type);
    case "slice":
      return [];
    case "array":
      return Array.from({ length: type.length }, () => zeroOf(type.elem));
    case "struct": {
      const values: Record<string, unknown> = {};
      for (const field of type.fields) values[field.name] = zeroOf(field.type);
      return values;
    }
    case "custom":
      try {
        return type.codec.zero();
      } catch (error) {
        throw new Failure("GOB_CUSTOM", `${type.codec.name} has no zero`, error);
      }
    case "lazy":
      return zeroOf(type.target());
    default:
      return undefined;
  }
}

/** 64-bit schemas keep to bigint in their zeros, so that arithmetic on decoded values never mixes types. */
function basicZero(type: BasicType): unknown {
  switch (type.form) {
    case "bool":
      return false;
    case "string":
      return "";
    case "bytes":
      return new Uint8Array(0);
    case "complex":
      return { re: 0, im: 0 };
    case "int64":
    case "uint64":
      return 0n;
    default:
      return 0;
  }
}
