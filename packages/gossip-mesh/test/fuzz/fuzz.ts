/**
 * Feeds every decoder recordings that are bent at random: each input has to give a value or a MeshError. Inputs that lead to an
 * outcome not seen before are bent further, and kept in `corpus.json`, which the unit test replays. By hand:
 *
 *   nice -n 10 node --import tsx --conditions=@weaved/source test/fuzz/fuzz.ts INPUTS [SEED]
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { seededRandom } from "@weaved/sim";
import { MeshError } from "../../src/index.ts";
import { type Subject, subjects } from "./subjects.ts";

const CORPUS = new URL("./corpus.json", import.meta.url);
/** Outcomes remembered for each decoder: messages name numbers and texts of the input, so there could be any number. */
const MOST_KEPT = 60;
const LONGEST = 4_096;
const TRICKY = [0, 1, 0x7f, 0x80, 0xf8, 0xfe, 0xff];

/** Inputs by decoder, as hex. */
export type Corpus = Record<string, string[]>;

export function readCorpus(): Corpus {
  return JSON.parse(readFileSync(CORPUS, "utf8"));
}

/** Runs one input. Returns what came of it, without the particulars. @throws Error that holds the input, for anything unexpected */
export function outcomeOf(subject: Subject, bytes: Uint8Array): string {
  try {
    subject.run(bytes);
    return "value";
  } catch (error) {
    if (error instanceof MeshError)
      return `${error.code} ${error.message.replace(/"[\s\S]*"|\d+|\b[0-9a-f]{1,2}\b/g, "_")}`;
    throw new Error(`${subject.name}, input ${Buffer.from(bytes).toString("hex")}`, { cause: error });
  }
}

/** Bends some bytes: changes, cuts, inserts, repeats. */
function bend(from: Uint8Array, random: () => number): Uint8Array {
  let bytes: Uint8Array = from.slice(0, LONGEST);
  const below = (n: number): number => Math.floor(random() * n);
  for (let i = 1 + below(4); i > 0; i--) {
    const at = below(bytes.length);
    const kind = random();
    if (kind < 0.4) bytes[at] = below(256);
    else if (kind < 0.55) bytes[at] = TRICKY[below(TRICKY.length)]!;
    else if (kind < 0.7) bytes = join(bytes.subarray(0, at), bytes.subarray(at + 1 + below(8)));
    else if (kind < 0.8) bytes = bytes.slice(0, at);
    else if (kind < 0.9) bytes = join(bytes.subarray(0, at), Uint8Array.of(below(256)), bytes.subarray(at));
    else bytes = join(bytes.subarray(0, at + 16), bytes.subarray(at));
  }
  return bytes;
}

function join(...parts: Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** Runs bent inputs over all decoders. Returns how many gave a value, and how many a MeshError; adds to the corpus. */
export function fuzz(seed: number, inputs: number, corpus: Corpus): { values: number; refused: number } {
  const random = seededRandom(seed);
  const counts = { values: 0, refused: 0 };
  const pools = subjects.map((subject) => {
    const pool = [
      ...subject.seeds,
      ...(corpus[subject.name] ?? []).map((hex) => Uint8Array.from(Buffer.from(hex, "hex"))),
    ];
    return { subject, pool, seen: new Set(pool.map((bytes) => outcomeOf(subject, bytes))) };
  });
  for (let i = 0; i < inputs; i++) {
    const { subject, pool, seen } = pools[i % pools.length]!;
    const bytes = bend(pool[Math.floor(random() * pool.length)]!, random);
    const outcome = outcomeOf(subject, bytes);
    if (outcome === "value") counts.values++;
    else counts.refused++;
    if (seen.has(outcome) || seen.size >= MOST_KEPT) continue;
    seen.add(outcome);
    pool.push(bytes);
    corpus[subject.name] = [...(corpus[subject.name] ?? []), Buffer.from(bytes).toString("hex")];
  }
  return counts;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [inputs = "1000000", seed = "1"] = process.argv.slice(2);
  const corpus = readCorpus();
  // Stack traces are most of the work otherwise.
  Error.stackTraceLimit = 0;
  const started = performance.now();
  const { values, refused } = fuzz(Number(seed), Number(inputs), corpus);
  const kept = Object.values(corpus).reduce((sum, all) => sum + all.length, 0);
  console.log(
    `seed ${seed}: ${inputs} inputs over ${subjects.length} decoders, ${values} values, ${refused} refused, nothing else; ` +
      `${kept} kept; ${((performance.now() - started) / 1000).toFixed(0)} s`,
  );
  writeFileSync(CORPUS, `${JSON.stringify(corpus, null, 2)}\n`);
}
