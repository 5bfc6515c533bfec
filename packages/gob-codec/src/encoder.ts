import { FIRST_USER_ID, TypeTable } from "./definitions.ts";
import { encodeOp } from "./encode-ops.ts";
import { toGobError } from "./errors.ts";
import { baseOf, type Encodable, type Schema } from "./schema.ts";
import { Writer } from "./writer.ts";

/** Options of a {@link GobEncoder}. */
export interface GobEncoderOptions {
  /**
   * Id of the first type that the stream defines. Go numbers types per process, so any id from 64 is right for a
   * receiver. @defaultValue 65, as a fresh process of Go 1.20 or older
   */
  readonly firstId?: number;
}

/** The table that streams start with, shared so that definition bytes are made once per process. */
const start = new TypeTable(FIRST_USER_ID);

/** Longest length prefix: one count byte, eight bytes. */
const PREFIX = 9;
/** A scratch buffer that grew past this is not kept. */
const KEEP_BYTES = 2 ** 20;
let spare: Writer | undefined;

/** One stream of values, in which each type is defined before its first value. */
export class GobEncoder {
  #types: TypeTable;

  constructor(options: GobEncoderOptions = {}) {
    const firstId = options.firstId ?? FIRST_USER_ID;
    this.#types = firstId === FIRST_USER_ID ? start : new TypeTable(firstId);
  }

  /**
   * The bytes of one value, with the definitions not sent before. All results in order are the stream.
   * A value that fails leaves the stream as it was. @throws GobError
   */
  encode<T>(schema: Schema<T>, value: Encodable<NoInfer<T>>): Uint8Array {
    // A custom type's codec may encode in turn, so the scratch buffer is taken away while in use.
    const out = spare ?? new Writer(4096);
    spare = undefined;
    out.at = 0;
    try {
      const { messages, id, next } = this.#types.introduce(schema.type);
      const bytes = message(out, schema, id, value, messages);
      this.#types = next;
      return bytes;
    } catch (error) {
      throw toGobError(error);
    } finally {
      if (out.bytes.length <= KEEP_BYTES) spare = out;
    }
  }
}

function message(
  out: Writer,
  schema: Schema<unknown>,
  id: number,
  value: unknown,
  definitions: Uint8Array,
): Uint8Array {
  // The length comes first but is known last: it is written backwards into the room left for it.
  out.at = PREFIX;
  out.int(id);
  if (baseOf(schema.type).kind !== "struct") out.byte(0);
  encodeOp(schema.type).write(out, value);
  const end = out.at;
  out.uint(end - PREFIX);
  const prefix = out.at - end;
  const bytes = new Uint8Array(definitions.length + prefix + end - PREFIX);
  bytes.set(definitions);
  bytes.set(out.bytes.subarray(end, out.at), definitions.length);
  bytes.set(out.bytes.subarray(PREFIX, end), definitions.length + prefix);
  return bytes;
}

/** A stream of a single value. @throws GobError */
export function encodeGob<T>(schema: Schema<T>, value: Encodable<NoInfer<T>>): Uint8Array {
  return new GobEncoder().encode(schema, value);
}
