/**
 * Planning for 1,000 hosts with 10,000 ranges: time, memory, routes before and after aggregation. The baseline in each group
 * is what Weave Net does: each peer's ranges merged into CIDRs.
 */
import { Bench } from "tinybench";
import { nativeRanges, type OwnedRange, planRoutes, type Route } from "../src/index.ts";

const PEERS = 1000;
const RANGES = 10_000;
const SIZE = 2 ** 20;
const within = ["10.32.0.0/12"];

/** The same figures in every run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** A ring that grew by donations as Weave Net's do: half of an aligned block goes to somebody, a newcomer first. */
function donated(): OwnedRange[] {
  const random = seeded(7);
  const ranges: OwnedRange[] = [{ start: 0, end: SIZE, peer: 1 }];
  for (let peer = 2; ranges.length < RANGES; peer++) {
    let from = Math.floor(random() * ranges.length);
    for (let i = 0; i < 8; i++) {
      const other = Math.floor(random() * ranges.length);
      if (sizeOf(ranges[other] as OwnedRange) > sizeOf(ranges[from] as OwnedRange)) from = other;
    }
    const range = ranges[from] as OwnedRange;
    if (sizeOf(range) < 2) continue;
    const middle = range.start + sizeOf(range) / 2;
    ranges[from] = { ...range, end: middle };
    ranges.push({ start: middle, end: range.end, peer: peer <= PEERS ? peer : 1 + Math.floor(random() * PEERS) });
  }
  return shifted(ranges);
}

/** The worst case: pieces of any size at any address, each of a random peer. */
function shredded(): OwnedRange[] {
  const random = seeded(7);
  const edges = Array.from({ length: RANGES + 1 }, (_, i) => {
    if (i === 0 || i === RANGES) return (i / RANGES) * SIZE;
    return Math.floor(((i + random() * 0.8) * SIZE) / RANGES);
  });
  return shifted(
    edges.slice(1).map((end, i) => ({ start: edges[i] as number, end, peer: 1 + Math.floor(random() * PEERS) })),
  );
}

function sizeOf({ start, end }: OwnedRange): number {
  return end - start;
}

function shifted(ranges: readonly OwnedRange[]): OwnedRange[] {
  const moved = ranges.map(({ start, end, peer }) => ({ start: 0x0a20_0000 + start, end: 0x0a20_0000 + end, peer }));
  return moved.sort((a, b) => a.start - b.start);
}

/** Megabytes that a call leaves on the heap before anything is collected. */
function heapOf(work: () => unknown): number {
  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed;
  work();
  return (process.memoryUsage().heapUsed - before) / 2 ** 20;
}

/** Zipf: peer n has 1/n of the first one's traffic. */
const traffic = new Map(Array.from({ length: PEERS }, (_, i) => [i + 1, 1e9 / (i + 1)]));

async function measure(name: string, ranges: readonly OwnedRange[]): Promise<void> {
  console.log(`\n${name}: ${ranges.length} ranges of ${new Set(ranges.map((range) => range.peer)).size} hosts`);
  for (const aggregate of ["owner", "neighbours"] as const) {
    const { wanted } = planRoutes({ ranges, within, aggregate }).counts;
    const heap = Math.max(
      0,
      heapOf(() => planRoutes({ ranges, within, aggregate })),
    );
    console.log(`  routes, ${aggregate}: ${wanted}; heap of planning: ${heap.toFixed(0)} MB or less`);
  }
  const plan = planRoutes({ ranges, within, budget: 500, traffic });
  const share = plan.routes.reduce((sum, route) => sum + route.score, 0) / 1.1;
  console.log(
    `  500 routes carry ${(100 * share).toFixed(0)} % of Zipf's traffic; ${plan.overlay.length} ranges by overlay`,
  );
  const table = plan.routes.map(
    ({ destination, peer }): Route => ({ destination, eni: `e${peer}`, state: "active", origin: "CreateRoute" }),
  );
  const owners = new Map(Array.from({ length: PEERS }, (_, i) => [`e${i + 1}`, i + 1]));
  const bench = new Bench({ time: 1000, iterations: 5, warmupTime: 200, warmupIterations: 2 });
  bench.add("plan, owner (baseline)", () => void planRoutes({ ranges, within, aggregate: "owner" }));
  bench.add("plan, neighbours", () => void planRoutes({ ranges, within, aggregate: "neighbours" }));
  bench.add("plan, 500 routes by traffic", () => void planRoutes({ ranges, within, budget: 500, traffic }));
  bench.add("what a table of 500 reaches", () => void nativeRanges(table, owners, ranges));
  await bench.run();
  const mean = bench.tasks.map(({ result }) => ("latency" in result ? result.latency.mean : Number.NaN));
  const rows = bench.tasks.map((task, i) => {
    const ms = mean[i] as number;
    return {
      work: task.name,
      ms: Number(ms.toFixed(1)),
      "times baseline": Number((ms / (mean[0] as number)).toFixed(2)),
    };
  });
  console.table(rows);
}

await measure("donated", donated());
await measure("shredded", shredded());
