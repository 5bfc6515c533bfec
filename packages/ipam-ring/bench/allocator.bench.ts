/**
 * The allocator alone: addresses a second in the core, then over the port (promises, a store in memory); merging and encoding rings of
 * 10,000 entries; memory for a /8.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { AllocatorCore } from "../src/core/core.ts";
import type { CoreOptions } from "../src/core/core-options.ts";
import { createAllocator } from "../src/index.ts";
import { alignedGrants } from "../src/ring/grant-policy.ts";
import { mergeRings } from "../src/ring/merge.ts";
import type { Ring } from "../src/ring/ring.ts";
import { createMemoryNetwork, createMemoryStore } from "../src/testing/index.ts";
import { decodeState, encodeState } from "../src/wire/allocation-wire.ts";

const ROUNDS = 7;
const COUNT = 10_000;

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;

/** Median milliseconds of a few runs, after some to warm up. */
function time(run: () => void): number {
  for (let i = 0; i < 5; i++) run();
  return median(
    Array.from({ length: ROUNDS }, () => {
      const begun = performance.now();
      run();
      return performance.now() - begun;
    }),
  );
}

function makeCore(start: number, bits: number, more: Partial<CoreOptions> = {}): AllocatorCore {
  const core = new AllocatorCore({
    ...{ name: 1, uid: 1n, nickname: "h1", universe: { start, end: start + 2 ** bits }, grantPolicy: alignedGrants },
    ...{ init: { kind: "seed", peers: [1] }, mixed: false, avoid: [], reservations: new Map(), tidy: true },
    ...{ now: () => 0, unixSeconds: () => 0, random: () => 0.5, isKnownPeer: () => true },
    save: (_, done) => done(),
    transport: { unicast: () => true, broadcast: () => {}, consent: () => {} },
    ...more,
  });
  core.start(undefined);
  return core;
}

function inCore(): number {
  const core = makeCore(0x0a200000, 16);
  const subnet = { address: "10.32.0.0", prefixLength: 16 };
  const ms = time(() => {
    for (let i = 0; i < COUNT; i++) core.allocate(`c${i}`, subnet, {}, () => {});
    for (let i = 0; i < COUNT; i++) core.releaseAll(`c${i}`);
  });
  return (COUNT * 1000) / ms;
}

/** One after the other, as a client that waits for each answer. */
async function overPort(): Promise<number> {
  const network = createMemoryNetwork();
  const allocator = await createAllocator({
    ...{ name: 1, uid: 1n, nickname: "h1", universe: "10.32.0.0/16", init: { kind: "seed", peers: [1] } },
    ...{ clock: { now: () => performance.now(), after: () => () => {} }, random: Math.random },
    ...{ store: createMemoryStore(), isKnownPeer: (peer: number) => network.isKnown(peer) },
  });
  network.connect(1, allocator);
  allocator.start();
  const rates: number[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const begun = performance.now();
    for (let i = 0; i < COUNT; i++) await allocator.allocate(`c${i}`);
    for (let i = 0; i < COUNT; i++) allocator.release(`c${i}`);
    rates.push((COUNT * 1000) / (performance.now() - begun));
  }
  allocator.close();
  return median(rates.slice(1));
}

function bigRing(version: number): Ring {
  const start = 0x0a000000;
  const entries = Array.from({ length: COUNT }, (_, i) => ({
    token: start + i * 256,
    peer: 1 + (i % 50),
    version,
    free: 200,
  }));
  return { start, end: start + 2 ** 24, entries, seeds: [1, 2, 3] };
}

function merging(): void {
  const mine = bigRing(1);
  const context = { us: 99, hasAllocations: () => false, tie: "lowest" } as const;
  const equal = bigRing(1);
  const same = time(() => mergeRings(mine, equal, context));
  const newer = bigRing(2);
  const all = time(() => mergeRings(mine, newer, context));
  const state = { now: 0n, nicknames: new Map([[1, "h1"]]), ring: { ...mine, peer: 1 } };
  const bytes = encodeState(state);
  const encoding = time(() => encodeState(state));
  const decoding = time(() => decodeState(bytes));
  console.log(
    `ring of ${COUNT} entries: merge ${same.toFixed(1)} ms with nothing new, ${all.toFixed(1)} ms with everything new; ` +
      `encode ${encoding.toFixed(1)} ms, decode ${decoding.toFixed(1)} ms, ${(bytes.length / 1024).toFixed(0)} KiB`,
  );
}

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

function heap(): number {
  collect();
  return process.memoryUsage().heapUsed;
}

function memory(): void {
  const before = heap();
  const cores = Array.from({ length: 64 }, () => makeCore(0x0a000000, 24));
  const empty = (heap() - before) / cores.length;
  const core = cores[0]!;
  const base = heap();
  const subnet = { address: "10.0.0.0", prefixLength: 8 };
  const used = 100_000;
  for (let i = 0; i < used; i++) core.allocate(`${i}`.padStart(64, "0"), subnet, {}, () => {});
  const full = heap() - base;
  for (let i = 0; i < used; i += 2) core.releaseAll(`${i}`.padStart(64, "0"));
  const holes = heap() - base;
  console.log(
    `memory for a /8 (16.8 million addresses): ${(empty / 1024).toFixed(0)} KiB; ${(full / used).toFixed(0)} bytes for each address in use, ` +
      `its ident of 64 letters included; ${(holes / 2 ** 20).toFixed(1)} MiB with every other one of ${used} free again (${core.replica.space.used} in use)`,
  );
}

memory();
const core = inCore();
const port = await overPort();
console.log(
  `addresses a second, taken and given back: ${core.toFixed(0)} in the core, ${port.toFixed(0)} over the port`,
);
console.log(`port / core = ${(port / core).toFixed(2)}`);
merging();
