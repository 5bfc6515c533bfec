/**
 * Ten million fuzzed packets through both paths: `nice -n 15 node --import tsx --conditions=@weaved/source bench/fuzz.ts [packets] [seed]`.
 * Throws at the first wrong reply; every packet follows from the seed.
 */
import { seededRandom } from "@weaved/sim";
import { fuzzResponder } from "../test/support/fuzz.ts";

const packets = Number(process.argv[2] ?? 10_000_000);
const seed = Number(process.argv[3] ?? Date.now() % 1e6);
console.log(`seed ${seed}`);
const started = performance.now();
const before = process.memoryUsage().heapUsed;
const result = fuzzResponder(seededRandom(seed), packets);
const seconds = (performance.now() - started) / 1000;
(globalThis as { gc?: () => void }).gc?.();
const grownMb = (process.memoryUsage().heapUsed - before) / 1e6;
console.log(`${JSON.stringify(result)} in ${seconds.toFixed(0)} s, heap grown by ${grownMb.toFixed(1)} MB`);
