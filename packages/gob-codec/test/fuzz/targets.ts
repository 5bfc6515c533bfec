import { readFileSync } from "node:fs";
import { fromHex, type VectorCase } from "../../../../test/vectors/suite.ts";
import { GobDecoder, GobError, gob, type Schema } from "../../src/index.ts";
import { a, b, list, rec, recMap, time, timed, tree } from "../support/go-types.ts";
import { schemaOf } from "../vectors/gob-stream.ts";
import { messagesOf } from "./mutate.ts";

/** Something that decodes whatever it is given, and the messages that it would take. */
export interface Target {
  readonly schema: Schema<unknown>;
  readonly messages: readonly Uint8Array[];
}

const golden = new URL("../../../../test/vectors/golden/gob-stream.json", import.meta.url);
const { cases } = JSON.parse(readFileSync(golden, "utf8")) as { cases: VectorCase[] };

/** One target per golden stream, and each of our odd types on the bytes of every twentieth. */
export const targets: readonly Target[] = cases
  .filter(({ kind, hex }) => kind === "stream" && hex.length < 3000)
  .flatMap(({ input, hex }, i) => {
    const messages = messagesOf(fromHex(hex));
    const own = input.values.map(({ type }: { type: never }) => ({ schema: schemaOf(type), messages }));
    const odd = [gob.any, a, b, list, rec, recMap, time, timed, tree, gob.slice(gob.map(gob.string, gob.float64))];
    return i % 20 === 0 ? [...own, ...odd.map((schema) => ({ schema, messages }))] : own;
  });

/** What a fuzzed decoder may use. */
const LIMITS = { elements: 100_000, messageBytes: 100_000 };

/** Decodes all values of some bytes. Says what came of it; anything but values and a GobError is thrown. */
export function attempt(schema: Schema<unknown>, bytes: Uint8Array): "values" | "incomplete" | "refused" {
  const decoder = new GobDecoder(bytes, LIMITS);
  try {
    for (let i = 0; ; i++) if (decoder.next(schema) === undefined) return i > 0 ? "values" : "incomplete";
  } catch (error) {
    if (error instanceof GobError) return "refused";
    throw error;
  }
}
