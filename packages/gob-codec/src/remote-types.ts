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
      op = compileSkip(this.typeOf(id), (part) => this.skipFor(part));
      this.#skips.set(id, op);
    }
    return op;
  }
}

/** What Go itself knows, before any definition. */
export const NO_TYPES: RemoteTypes = new RemoteTypes();

/** Reads the body of a definition message, after its id. */
export function readDefinition(id: number, from: Reader): RemoteType {
  if (id < LEAST_DEFINABLE_ID) throw new Failure("GOB_MALFORMED", `type ${id} cannot be defined`);
  const type = remoteType(NO_TYPES.opFor(wireType.type, WIRE_TYPE_ID)(from) as WireType);
  if (type === undefined) throw new Failure("GOB_MALFORMED", `the definition of type ${id} is not one type`);
  if (from.at !== from.end) throw new Failure("GOB_MALFORMED", `bytes behind the definition of type ${id}`);
  return type;
}
