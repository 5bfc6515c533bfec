/** Planning at the size of a large cluster: time, memory, routes before and after aggregation. */
import { Bench } from "tinybench";
import { nativeRanges, type OwnedRange, planRoutes, type Route } from "../src/index.ts";

const PEERS = 1000;
const RANGES = 10_000;
const within = ["10.32.0.0/12"];

/** The same figures in every run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** A ring after many donations: pieces of any size, each of a random peer; or, `aligned`, of whole /26 blocks. */
function ring(aligned: boolean): OwnedRange[] {
  const random = seeded(7);
  const unit = 2 ** 20 / RANGES;
  const edge = (i: number) => (aligned ? 64 * i : Math.floor((i + (i === 0 ? 0 : random() * 0.8)) * unit));
  const edges = Array.from({ length: RANGES + 1 }, (_, i) => Math.min(2 ** 20, edge(i)));
  return edges.slice(1).map((end, i) => ({
    start: 0x0a20_0000 + (edges[i] as number),
    end: 0x0a20_0000 + end,
    peer: 1 + Math.floor(random() * PEERS),
  }));
}

const bench = new Bench({ time: 1500, warmupTime: 300 });
for (const aligned of [true, false]) {
  const ranges = ring(aligned);
  const name = aligned ? "whole /26 blocks" : "unaligned pieces";
  const traffic = new Map(Array.from({ length: PEERS }, (_, i) => [i + 1, i * i]));
  for (const aggregate of ["owner", "neighbours"] as const) {
    globalThis.gc?.();
    const before = process.memoryUsage().heapUsed;
    const plan = planRoutes({ ranges, within, aggregate });
    const megabytes = (process.memoryUsage().heapUsed - before) / 2 ** 20;
    const { exact, wanted } = plan.counts;
    console.log(
      `${name}, ${aggregate}: ${exact} routes exactly, ${wanted} planned, about ${megabytes.toFixed(0)} MB of heap`,
    );
    bench.add(`${name}: plan, ${aggregate}`, () => void planRoutes({ ranges, within, aggregate }));
  }
  const budgeted = planRoutes({ ranges, within, budget: 500, traffic });
  const served = budgeted.routes.reduce((sum, route) => sum + route.score, 0) / 1.1;
  console.log(
    `${name}: 500 routes serve ${(100 * served).toFixed(1)} % by score, ${budgeted.overlay.length} ranges go by overlay`,
  );
  const table = budgeted.routes.map(
    (route): Route => ({
      destination: route.destination,
      eni: `e${route.peer}`,
      state: "active",
      origin: "CreateRoute",
    }),
  );
  const owners = new Map(Array.from({ length: PEERS }, (_, i) => [`e${i + 1}`, i + 1]));
  bench.add(`${name}: plan, 500 routes`, () => void planRoutes({ ranges, within, budget: 500, traffic }));
  bench.add(`${name}: what a table reaches`, () => void nativeRanges(table, owners, ranges));
}
await bench.run();
console.table(
  bench.tasks.map(({ name, result }) =>
    "latency" in result
      ? { name, "ms (mean)": +result.latency.mean.toFixed(1), "ms (p99)": +result.latency.p99.toFixed(1) }
      : { name },
  ),
);
