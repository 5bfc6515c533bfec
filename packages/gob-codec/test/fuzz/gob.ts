/**
 * Feeds damaged streams to the decoder for some time. What breaks it is kept in `corpus/`, which a unit test replays.
 *
 *   nice -n 15 node --import tsx --conditions=@weaved/source packages/gob-codec/test/fuzz/gob.ts [SECONDS] [SEED]
 */
import { writeFileSync } from "node:fs";
import { toHex } from "../../../../test/vectors/suite.ts";
import type { Schema } from "../../src/index.ts";
import { mutate, randomFrom } from "./mutate.ts";
import { attempt, targets } from "./targets.ts";

const seconds = Number(process.argv[2] ?? 10);
const seed = Number(process.argv[3] ?? Date.now() % 2 ** 32);
/** No input of a few kilobytes may take longer. Generous: the machine may be busy. */
const SLOW_MS = 250;

const random = randomFrom(seed);
const pool = targets.flatMap(({ messages }) => messages);
const counts = { values: 0, incomplete: 0, refused: 0 };
let inputs = 0;
let slowest = 0;

function keep(target: number, bytes: Uint8Array, what: unknown): never {
  const name = `${seed}-${inputs}`;
  writeFileSync(new URL(`./corpus/${name}.json`, import.meta.url), JSON.stringify({ target, hex: toHex(bytes) }));
  console.error(`input ${inputs} of seed ${seed}, kept as corpus/${name}.json:`, what);
  process.exit(1);
}

/** Slow three times more, that is: not because something else had the processor. */
function isSlow(schema: Schema<unknown>, bytes: Uint8Array): boolean {
  for (let i = 0; i < 3; i++) {
    const start = performance.now();
    attempt(schema, bytes);
    if (performance.now() - start < SLOW_MS) return false;
  }
  return true;
}

const end = performance.now() + seconds * 1000;
while (performance.now() < end) {
  for (let i = 0; i < 1000; i++, inputs++) {
    const target = Math.floor(random() * targets.length);
    const { schema, messages } = targets[target] as (typeof targets)[number];
    const bytes = mutate(messages, pool, random);
    const start = performance.now();
    try {
      counts[attempt(schema, bytes)]++;
    } catch (error) {
      keep(target, bytes, error);
    }
    const took = performance.now() - start;
    if (took > slowest) slowest = took;
    if (took > SLOW_MS && isSlow(schema, bytes)) keep(target, bytes, `took ${took} ms`);
  }
}
const memory = Math.round(process.memoryUsage().rss / 2 ** 20);
console.log(`seed ${seed}: ${inputs} inputs,`, counts, `slowest ${slowest.toFixed(1)} ms, ${memory} MiB resident`);
