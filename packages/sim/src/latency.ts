import type { Random } from "./random.ts";

/** Draws the one-way delay of one message, in milliseconds. */
export type Latency = (random: Random) => number;

/** Every message takes `ms`. */
export function fixed(ms: number): Latency {
  return () => ms;
}

/** Evenly spread between `minMs` and `maxMs`. */
export function uniform(minMs: number, maxMs: number): Latency {
  return (random) => minMs + random() * (maxMs - minMs);
}

/** Exponentially distributed with mean `meanMs`: most are quick, a few are very late. Added to `floorMs`. */
export function exponential(meanMs: number, floorMs = 0): Latency {
  return (random) => floorMs - meanMs * Math.log(1 - random());
}
