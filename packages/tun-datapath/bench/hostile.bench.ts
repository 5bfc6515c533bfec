/**
 * Replayed, flipped, cut, extended, renamed, forged, spliced packets, packets whose lengths lie, against an encrypted link with a
 * real key: none may be delivered, none fatal, every genuine one between them has to arrive. HOSTILE_PACKETS (1 million),
 * HOSTILE_SEED (1). Fails if anything else happens.
 */
import { hostile } from "../test/support/hostile.ts";

const packets = Number(process.env.HOSTILE_PACKETS ?? 1_000_000);
const seed = Number(process.env.HOSTILE_SEED ?? 1);
const start = performance.now();
const { genuine, delivered, imbalance, ...rest } = hostile({ packets, seed });
const seconds = (performance.now() - start) / 1_000;
console.log(
  `seed ${seed}: ${rest.hostile} hostile packets in ${seconds.toFixed(0)} s, ${delivered - genuine} delivered`,
);
console.log(`genuine packets between them: ${genuine}, of which arrived: ${delivered}`);
console.log("by kind:", rest.kinds);
console.log("why refused:", Object.fromEntries(Object.entries(rest.counters).filter(([, n]) => n > 0)));
if (delivered !== genuine || imbalance !== 0) throw new Error("a hostile packet had an effect");
