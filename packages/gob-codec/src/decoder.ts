import { knownRun, rememberRun } from "./definition-cache.ts";
import { spell } from "./definitions.ts";
import { Failure, GobError, toGobError } from "./errors.ts";
import { DEFAULT_LIMITS, type GobLimits, Reader, type Stream } from "./reader.ts";
import type { RemoteTypes } from "./remote-types.ts";
import { NO_TYPES, readDefinition } from "./remote-types.ts";
import { type BaseType, baseOf, type Schema } from "./schema.ts";
import type { RemoteType } from "./wire-types.ts";

/** Thrown and caught in this file: a value goes on in a message that has not arrived. */
const INCOMPLETE = Symbol("incomplete");

/** Where a message lies in the buffer. */
interface Message {
  readonly at: number;
  readonly end: number;
}

/** One stream of values, fed in pieces of any size. */
export class GobDecoder {
  readonly #limits: Required<GobLimits>;
  /** Bounded by: one message and the chunk that completed it, when `next` is called until it gives undefined. */
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;
  #end = 0;
  #types: RemoteTypes = NO_TYPES;
  #failed: unknown;
  /** Whether `#bytes` is a buffer of our own, and not the caller's. */
  #ours = false;
  /** Where, behind `#at`, the message begins that a value lacks. */
  #missing: number | undefined;
  readonly #stream: Stream = {
    concreteType: (from) => this.#concreteType(from),
    isStruct: (id) => this.#types.typeOf(id)?.kind === "struct",
    skip: (id, from) => this.#types.skipFor(id)(from),
    any: (id, from) => this.#types.anyFor(id)(from),
  };

  constructor(bytes?: Uint8Array, limits: GobLimits = {}) {
    this.#limits = { ...DEFAULT_LIMITS, ...limits };
    if (bytes !== undefined) this.push(bytes);
  }

  /** Bytes pushed that no value has used yet. */
  get remaining(): number {
    return this.#end - this.#at;
  }

  /** Whether everything pushed has been used. */
  get atEnd(): boolean {
    return this.#at === this.#end;
  }

  /** Adds bytes to the stream. The chunk is borrowed until the values in it have been taken. */
  push(added: Uint8Array): void {
    // A Buffer's `slice` gives a view where an array's gives a copy: everything here works on plain arrays.
    const chunk = new Uint8Array(added.buffer, added.byteOffset, added.length);
    if (this.#at === this.#end) {
      this.#bytes = chunk;
      this.#at = 0;
      this.#end = chunk.length;
      return;
    }
    const unread = this.#end - this.#at;
    const total = unread + chunk.length;
    // The buffer may be the caller's chunk, which has no room behind its end: it is written to only when it is ours.
    if (this.#end + chunk.length > this.#bytes.length || !this.#ours) {
      const larger = new Uint8Array(Math.max(total * 2, 256));
      larger.set(this.#bytes.subarray(this.#at, this.#end));
      this.#bytes = larger;
      this.#ours = true;
      this.#at = 0;
      this.#end = unread;
    }
    this.#bytes.set(chunk, this.#end);
    this.#end += chunk.length;
  }

  /**
   * The next value, or undefined while its last byte is missing. @throws GobError; after that the stream is unusable,
   * and every further call throws the same
   */
  next<T>(schema: Schema<T>): T | undefined {
    return this.#take((from) => this.#value(schema, from.int(), from) as T);
  }

  /**
   * Skips the next value, whatever its type. False while its last byte is missing. @throws GobError, as `next`, for a message
   * that breaks the rules of the format
   */
  skip(): boolean {
    const isSkipped = this.#take((from) => {
      const id = from.int();
      // Only an interface value can go on in later messages; any other ends with its own.
      if (this.#types.hasInterface(id)) {
        if (!this.#stream.isStruct(id)) readSingleton(from);
        this.#stream.skip(id, from);
      }
      return true;
    });
    return isSkipped === true;
  }

  /** Reads one value of the stream. The value may end in a later message than it began. */
  #take<T>(read: (from: Reader) => T): T | undefined {
    if (this.#failed !== undefined) throw this.#failed;
    try {
      this.#readDefinitions();
      const message = this.#message(this.#at);
      if (message === undefined || this.#lacksContinuation()) return undefined;
      const from = this.#reader(message);
      from.stream = this.#stream;
      const types = this.#types;
      try {
        const value = read(from);
        this.#at = from.end;
        this.#missing = undefined;
        return value;
      } catch (error) {
        if (error !== INCOMPLETE) throw error;
        // Definitions inside the value are read again with it.
        this.#types = types;
        return undefined;
      }
    } catch (error) {
      this.#failed = toGobError(error);
      throw this.#failed;
    }
  }

  /** Whether a value that was tried before still lacks the message in which it goes on: trying it costs its whole length. */
  #lacksContinuation(): boolean {
    return this.#missing !== undefined && this.#message(this.#at + this.#missing) === undefined;
  }

  #concreteType(from: Reader): number {
    for (;;) {
      const id = from.int();
      if (id >= 0) return id;
      this.#types = this.#types.with(new Map([[-id, readDefinition(-id, from)]]));
      if (this.#types.size > this.#limits.types)
        throw new Failure("GOB_LIMIT", `more than ${this.#limits.types} types`);
      // The piece behind a definition has a length of its own: inside the message, or as the next message.
      if (from.at < from.end) from.uint();
      else this.#continue(from);
    }
  }

  /** Moves a cursor into the next message. */
  #continue(from: Reader): void {
    const message = this.#message(from.end);
    if (message === undefined) {
      this.#missing = from.end - this.#at;
      throw INCOMPLETE;
    }
    from.at = message.at;
    from.end = message.end;
  }

  #value(schema: Schema<unknown>, id: number, from: Reader): unknown {
    const base = baseOf(schema.type);
    const op = this.#types.opFor(base, id);
    if (base.kind === "struct") checkOverlap(base, this.#types.typeOf(id));
    if (base.kind === "any" ? !this.#stream.isStruct(id) : base.kind !== "struct") readSingleton(from);
    return op(from);
  }

  /** Takes in all definitions that precede the next value and are complete. */
  #readDefinitions(): void {
    const start = this.#at;
    let end = start;
    for (let message = this.#message(end); message !== undefined; message = this.#message(end)) {
      if (this.#reader(message).int() >= 0) break;
      end = message.end;
    }
    if (end === start) return;
    const run = this.#bytes.subarray(start, end);
    const first = this.#types === NO_TYPES;
    let types = first ? knownRun(run) : undefined;
    if (types === undefined) {
      types = this.#types.with(this.#definitions(start, end));
      if (first) rememberRun(run, types);
    }
    if (types.size > this.#limits.types) throw new Failure("GOB_LIMIT", `more than ${this.#limits.types} types`);
    this.#types = types;
    this.#at = end;
  }

  #definitions(start: number, end: number): Map<number, RemoteType> {
    const found = new Map<number, RemoteType>();
    for (let at = start; at < end; ) {
      const message = this.#message(at) as Message;
      const from = this.#reader(message);
      const id = -from.int();
      if (found.has(id)) throw new Failure("GOB_MALFORMED", `type ${id} is defined twice`);
      found.set(id, readDefinition(id, from));
      if (from.at !== from.end) throw new Failure("GOB_MALFORMED", `bytes behind the definition of type ${id}`);
      if (found.size > this.#limits.types) throw new Failure("GOB_LIMIT", `more than ${this.#limits.types} types`);
      at = message.end;
    }
    return found;
  }

  #reader(message: Message): Reader {
    return new Reader(this.#bytes, message.at, message.end, this.#limits);
  }

  /** The message that starts at an offset, or undefined while it is incomplete. */
  #message(offset: number): Message | undefined {
    if (offset >= this.#end) return undefined;
    const first = this.#bytes[offset] as number;
    const prefix = first < 128 ? 1 : 257 - first;
    if (prefix > 9) throw new Failure("GOB_MALFORMED", `an integer of ${prefix - 1} bytes`);
    if (offset + prefix > this.#end) return undefined;
    const length = new Reader(this.#bytes, offset, this.#end, this.#limits).uint();
    if (length > this.#limits.messageBytes) {
      throw new Failure("GOB_LIMIT", `a message of ${length} bytes, where ${this.#limits.messageBytes} are allowed`);
    }
    if (length === 0) throw new Failure("GOB_MALFORMED", "an empty message");
    const at = offset + prefix;
    return at + length > this.#end ? undefined : { at, end: at + length };
  }
}

/** A value that is not a struct has the field number 0 in front. */
function readSingleton(from: Reader): void {
  if (from.uint() !== 0) throw new Failure("GOB_MALFORMED", "a single value with a field number");
}

/** Go refuses a struct that shares no field with the receiver's: most likely it was meant for another receiver. */
function checkOverlap(own: Extract<BaseType, { kind: "struct" }>, sent: RemoteType | undefined): void {
  if (sent?.kind !== "struct" || own.fields.length === 0 || sent.fields.length === 0) return;
  if (sent.fields.some((field) => own.fields.some(({ name }) => name === field.name))) return;
  throw new Failure("GOB_TYPE_MISMATCH", `${sent.name || "the struct"} shares no field with ${spell(own)}`);
}

/**
 * The first value of a stream; what follows it is not looked at. @throws GobError, GOB_TRUNCATED when the value is
 * not complete
 */
export function decodeGob<T>(schema: Schema<T>, bytes: Uint8Array, limits?: GobLimits): T {
  const value = new GobDecoder(bytes, limits).next(schema);
  if (value === undefined)
    throw new GobError("GOB_TRUNCATED", `the stream ends inside a value, after ${bytes.length} bytes`);
  return value;
}
