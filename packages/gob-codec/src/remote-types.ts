import { compileAny } from "./any-ops.ts";
import { compileDecode, type DecodeOp, type Remote } from "./decode-ops.ts";
import { Failure } from "./errors.ts";
import type { Reader } from "./reader.ts";
import { baseOf, type GoType } from "./schema.ts";
import { compileSkip, type SkipOp } from "./skip-ops.ts";
import {
  BUILT_IN,
  LEAST_DEFINABLE_ID,
  type RemoteType,
  remoteType,
  WIRE_TYPE_ID,
  type WireType,
  wireType,
} from "./wire-types.ts";

/**
 * The types a stream has defined, with the ops compiled for them. Never changes once made, so streams that start with
 * the same definitions share one, ops included.
 */
export class RemoteTypes implements Remote {
  readonly #defined: ReadonlyMap<number, RemoteType>;
  /** Bounded by: schemas alive (weak), times types that were compatible with them. */
  readonly #ops = new WeakMap<GoType, Map<number, DecodeOp>>();
  /** Bounded by: types defined. */
  readonly #skips = new Map<number, SkipOp>();
  /** Bounded by: types defined. */
  readonly #any = new Map<number, DecodeOp>();
  /** Bounded by: types defined. */
  readonly #interfaces = new Map<number, boolean>();

  constructor(defined: ReadonlyMap<number, RemoteType> = new Map()) {
    this.#defined = defined;
  }

  /** Types defined by the stream, without Go's own. */
  get size(): number {
    return this.#defined.size;
  }

  typeOf(id: number): RemoteType | undefined {
    return BUILT_IN.get(id) ?? this.#defined.get(id);
  }

  /** The table with some more types. @throws Failure when an id is Go's own or defined before */
  with(definitions: ReadonlyMap<number, RemoteType>): RemoteTypes {
    const all = new Map(this.#defined);
    for (const [id, type] of definitions) {
      if (all.has(id)) throw new Failure("GOB_MALFORMED", `type ${id} is defined twice`);
      all.set(id, type);
    }
    return new RemoteTypes(all);
  }

  opFor(type: GoType, id: number): DecodeOp {
    const base = baseOf(type);
    const perId = this.#ops.get(base) ?? new Map<number, DecodeOp>();
    this.#ops.set(base, perId);
    const known = perId.get(id);
    if (known !== undefined) return known;
    // A recursive type meets itself: it gets a stand-in that looks the finished op up.
    perId.set(id, (from) => (perId.get(id) as DecodeOp)(from));
    try {
      const op = compileDecode(base, id, this);
      perId.set(id, op);
      return op;
    } catch (error) {
      perId.delete(id);
      throw error;
    }
  }

  skipFor(id: number): SkipOp {
    let op = this.#skips.get(id);
    if (op === undefined) {
      op = compileSkip(this.typeOf(id), this);
      this.#skips.set(id, op);
    }
    return op;
  }

  anyFor(id: number): DecodeOp {
    let op = this.#any.get(id);
    if (op === undefined) {
      op = compileAny(this.typeOf(id), this);
      this.#any.set(id, op);
    }
    return op;
  }

  hasInterface(id: number): boolean {
    let found = this.#interfaces.get(id);
    if (found === undefined) {
      found = this.#reachesInterface(id);
      this.#interfaces.set(id, found);
    }
    return found;
  }

  #reachesInterface(id: number): boolean {
    // A set that grows while it is walked visits each type once, recursive ones too.
    const reached = new Set([id]);
    for (const each of reached) {
      const type = this.typeOf(each);
      if (type?.kind === "interface") return true;
      for (const part of partsOf(type)) reached.add(part);
    }
    return false;
  }
}

function partsOf(type: RemoteType | undefined): readonly number[] {
  switch (type?.kind) {
    case "slice":
    case "array":
      return [type.elem];
    case "map":
      return [type.key, type.elem];
    case "struct":
      return type.fields.map(({ id }) => id);
    default:
      return [];
  }
}

/** The types that Go itself knows, before any definition. */
export const NO_TYPES: RemoteTypes = new RemoteTypes();

/** Reads a definition, after its id. One inside an interface value is followed by more. */
export function readDefinition(id: number, from: Reader): RemoteType {
  if (id < LEAST_DEFINABLE_ID) throw new Failure("GOB_MALFORMED", `type ${id} cannot be defined`);
  const type = remoteType(NO_TYPES.opFor(wireType.type, WIRE_TYPE_ID)(from) as WireType);
  if (type === undefined) throw new Failure("GOB_MALFORMED", `the definition of type ${id} is not one type`);
  return type;
}
