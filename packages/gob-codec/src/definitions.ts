import { Failure } from "./errors.ts";
import { type BaseType, baseOf, type GoType, isPointer } from "./schema.ts";
import { Writer } from "./writer.ts";

/** First id that Go 1.20 or older gives to a type of the user. Newer releases start at 64. */
export const FIRST_USER_ID = 65;

/** Ids that every gob program knows. */
export const BASIC_IDS = {
  bool: 1,
  int: 2,
  int64: 2,
  uint: 3,
  uint64: 3,
  float: 4,
  bytes: 5,
  string: 6,
  complex: 7,
} as const;

/** The id of Go's `interface{}`. */
export const INTERFACE_ID = 8;

interface Definition {
  id: number;
  readonly name: string;
  readonly type: BaseType;
  /** Ids of the parts, known once the parts are: element, or key and element, or fields. */
  parts: Definition[];
}

/** Definition messages to send before the first value of a type, the type's id, and the table after that. */
export interface Introduction {
  readonly messages: Uint8Array;
  readonly id: number;
  readonly next: TypeTable;
}

/**
 * The types that one stream has defined so far. Never changes: introducing a type gives the next table, and remembers
 * it, so all encoders that send the same types in the same order share tables and ready-made definition bytes.
 */
export class TypeTable {
  readonly #defined: ReadonlyMap<string, Definition>;
  readonly #nextId: number;
  /** Bounded by: schemas alive (weak), each once per order of introduction. */
  readonly #introductions = new WeakMap<GoType, Introduction>();

  constructor(nextId: number, defined: ReadonlyMap<string, Definition> = new Map()) {
    this.#nextId = nextId;
    this.#defined = defined;
  }

  introduce(type: GoType): Introduction {
    let introduction = this.#introductions.get(type);
    if (introduction === undefined) {
      introduction = this.#introduce(baseOf(type));
      this.#introductions.set(type, introduction);
    }
    return introduction;
  }

  #introduce(base: BaseType): Introduction {
    const numbering = new Numbering(this.#nextId, new Map(this.#defined));
    const definition = numbering.number(base, goName(base));
    const out = new Writer(256);
    const sent = new Set(this.#defined.values());
    send(definition, sent, out);
    const next = sent.size === this.#defined.size ? this : new TypeTable(numbering.nextId, numbering.known);
    return { messages: out.copy(), id: definition.id, next };
  }
}

/**
 * Gives ids in Go's order: a struct or custom type before its parts, other types after them.
 * Source: `newTypeObject` of Go's `encoding/gob/type.go`; the names depend on where a type is met first.
 */
class Numbering {
  nextId: number;
  readonly known: Map<string, Definition>;

  constructor(nextId: number, known: Map<string, Definition>) {
    this.nextId = nextId;
    this.known = known;
  }

  number(type: GoType, name: string): Definition {
    const base = baseOf(type);
    if (base.kind === "basic") return { id: BASIC_IDS[base.form], name, type: base, parts: [] };
    if (base.kind === "any") return { id: INTERFACE_ID, name, type: base, parts: [] };
    const key = identity(base);
    const known = this.known.get(key);
    if (known !== undefined) return known;
    const definition: Definition = { id: 0, name, type: base, parts: [] };
    this.known.set(key, definition);
    if (base.kind === "struct" || base.kind === "custom") this.#allocate(definition);
    definition.parts = this.#parts(base);
    this.#allocate(definition);
    // A recursive type may be met while it has no number yet; whoever names it first gives it one.
    for (const part of definition.parts) this.#allocate(part);
    return definition;
  }

  #parts(base: BaseType): Definition[] {
    switch (base.kind) {
      case "slice":
        return [this.number(base.elem, isPointer(base.elem) ? "" : goName(baseOf(base.elem)))];
      case "array":
        return [this.number(base.elem, "")];
      case "map":
        return [this.number(base.key, ""), this.number(base.elem, "")];
      case "struct":
        return base.fields.map((field) => {
          const part = this.number(field.type, fieldTypeName(baseOf(field.type)));
          this.#allocate(part);
          return part;
        });
      default:
        return [];
    }
  }

  #allocate(definition: Definition): void {
    if (definition.id === 0) definition.id = this.nextId++;
  }
}

/** Writes the definition, then those of its parts, each once. */
function send(definition: Definition, sent: Set<Definition>, out: Writer): void {
  if (definition.type.kind === "basic" || definition.type.kind === "any" || sent.has(definition)) return;
  sent.add(definition);
  const body = new Writer(128);
  body.int(-definition.id);
  writeWireType(definition, body);
  out.sized(body.copy());
  for (const part of definition.parts) send(part, sent, out);
}

/**
 * The body of a definition message: Go's `wireType`, a struct of which one field is set.
 *
 * ```text
 * field  0 ArrayT  1 SliceT  2 StructT  3 MapT  4 GobEncoderT  5 BinaryMarshalerT  6 TextMarshalerT
 * each   CommonType{Name, Id}, then  Elem, Len | Elem | []{Name, Id} | Key, Elem | nothing
 * ```
 * Example, `map[string]string` as id 65 (message `0e ff81 ...`): `04 01 02 ff82 00 01 0c 01 0c 00 00`.
 */
function writeWireType(definition: Definition, out: Writer): void {
  const { type, parts } = definition;
  const field = { array: 0, slice: 1, struct: 2, map: 3, custom: 4, basic: -1, any: -1 }[type.kind];
  const marshaler = type.kind === "custom" ? { gob: 0, binary: 1, text: 2 }[type.codec.marshaler ?? "gob"] : 0;
  out.uint(field + marshaler + 1);
  out.uint(1);
  writeNameAndId(definition.name, definition.id, out);
  if (type.kind === "struct") {
    if (type.fields.length > 0) {
      out.uint(1);
      out.uint(type.fields.length);
      type.fields.forEach(({ name }, i) => {
        writeNameAndId(name, (parts[i] as Definition).id, out);
      });
    }
  } else {
    for (const part of parts) {
      out.uint(1);
      out.int(part.id);
    }
    if (type.kind === "array" && type.length > 0) {
      out.uint(1);
      out.int(type.length);
    }
  }
  out.byte(0);
  out.byte(0);
}

function writeNameAndId(name: string, id: number, out: Writer): void {
  if (name !== "") {
    out.uint(1);
    out.string(name);
  }
  out.uint(name === "" ? 2 : 1);
  out.int(id);
  out.byte(0);
}

/** Go's `Type.Name()`: without the package, empty for unnamed types. */
export function goName(type: BaseType): string {
  const spelling = type.kind === "any" ? undefined : type.spelling;
  if (spelling === undefined || isUnnamed(spelling)) return "";
  const brackets = spelling.indexOf("[");
  const head = brackets < 0 ? spelling : spelling.slice(0, brackets);
  return spelling.slice(head.lastIndexOf(".") + 1);
}

function fieldTypeName(type: BaseType): string {
  return goName(type) || spell(type);
}

function isUnnamed(spelling: string): boolean {
  return /^(\[|map\[|\*|struct \{)/.test(spelling);
}

/** Go's `Type.String()`. */
export function spell(type: GoType): string {
  switch (type.kind) {
    case "pointer":
      return `*${spell(type.elem)}`;
    case "lazy":
      return spell(type.target());
    case "slice":
      return type.spelling ?? `[]${spell(type.elem)}`;
    case "array":
      return type.spelling ?? `[${type.length}]${spell(type.elem)}`;
    case "map":
      return type.spelling ?? `map[${spell(type.key)}]${spell(type.elem)}`;
    case "struct":
      return type.spelling ?? spellStruct(type.fields);
    case "any":
      return "interface {}";
    default:
      return type.spelling;
  }
}

/** An anonymous struct's type, as Go writes it: `struct { A int; B []string }`. */
function spellStruct(fields: readonly { readonly name: string; readonly type: GoType }[]): string {
  if (fields.length === 0) return "struct {}";
  return `struct { ${fields.map(({ name, type }) => `${name} ${spell(type)}`).join("; ")} }`;
}

const structNumbers = new WeakMap<BaseType, number>();
let structCount = 0;

/**
 * What makes two schemas one Go type: a named struct or a custom type is itself; others are their parts plus their name.
 */
function identity(type: GoType, inside: readonly GoType[] = []): string {
  if (inside.length > 100) throw new Failure("GOB_SCHEMA", "a type that never ends");
  switch (type.kind) {
    case "basic":
      return type.spelling;
    case "pointer":
      return `*${identity(type.elem, inside)}`;
    case "lazy":
      return identity(type.target(), inside);
    case "any":
      return "interface{}";
    case "struct":
      if (type.spelling === undefined) {
        const within = [...inside, type];
        return `struct{${type.fields.map((field) => `${field.name}:${identity(field.type, within)}`).join(";")}}`;
      }
      return ownIdentity(type);
    case "custom":
      return ownIdentity(type);
    default:
      return compositeIdentity(type, inside);
  }
}

function ownIdentity(type: BaseType): string {
  const number = structNumbers.get(type) ?? ++structCount;
  structNumbers.set(type, number);
  return `#${number}`;
}

function compositeIdentity(
  type: Extract<GoType, { kind: "slice" | "array" | "map" }>,
  inside: readonly GoType[],
): string {
  // A named slice or map may contain itself; how far out it was met tells which one is meant.
  const outer = inside.indexOf(type);
  if (outer >= 0) return `^${inside.length - outer}`;
  const within = [...inside, type];
  const elem = identity(type.elem, within);
  const name = type.spelling === undefined ? "" : `${type.spelling}=`;
  if (type.kind === "map") return `${name}map[${identity(type.key, within)}]${elem}`;
  return `${name}[${type.kind === "array" ? type.length : ""}]${elem}`;
}
