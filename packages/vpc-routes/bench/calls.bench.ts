/**
 * EC2 calls that a cluster makes, counted in a VPC in memory, three tables: at the start, in an idle hour, for two ranges that
 * are swapped, after a host's death. The baseline is Weave Net's way: a create and a delete for each range that moves, in each
 * table (it knows one), nothing read, nothing repaired.
 */
import type { OwnedRange } from "../src/index.ts";
import { createReconciler, type Reconciler } from "../src/reconciler.ts";
import { createManualClock, createMemoryEc2 } from "../src/testing/index.ts";

const HOUR = 3_600_000;
const RANGE = 256;

function owned(peers: readonly number[]): OwnedRange[] {
  return peers.map((peer, i) => ({ start: 0x0a20_0000 + i * RANGE, end: 0x0a20_0000 + (i + 1) * RANGE, peer }));
}

async function count(hosts: number): Promise<Record<string, number>> {
  const clock = createManualClock();
  const tables = [{ id: "rtb-1", main: true }, ...["s2", "s3"].map((s, i) => ({ id: `rtb-${i + 2}`, subnets: [s] }))];
  const ec2 = createMemoryEc2({ tables, quota: 500 });
  let seed = 1;
  const random = () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return seed / 2 ** 32;
  };
  const reconcilers = Array.from({ length: hosts }, (_, i): Reconciler => {
    const eni = `eni-${String(i + 1).padStart(8, "0")}`;
    const rest = { subnetId: "s1", vpcId: "vpc-1", status: "in-use", sourceDestCheck: false };
    ec2.addInterface({ id: eni, instance: `i-${i + 1}`, ...rest });
    const self = { peer: i + 1, eni, subnet: "s1", vpc: "vpc-1" };
    return createReconciler({ ec2, clock, random, self, within: ["10.32.0.0/12"] });
  });
  const peers = reconcilers.map((_, i) => i + 1);
  const calls = () => Object.values(ec2.calls).reduce((a, b) => a + b, 0);
  const during = async (work: () => Promise<void>) => {
    const before = calls();
    await work();
    return calls() - before;
  };
  const tell = (ranges: readonly OwnedRange[], alive: readonly number[] = peers) => {
    for (const host of reconcilers) host.update({ ranges, alive: new Set(alive) });
  };
  const start = await during(async () => {
    tell(owned(peers));
    await clock.advance(5 * 60_000);
  });
  const idle = await during(() => clock.advance(HOUR));
  const swapped = owned([2, 1, ...peers.slice(2)]);
  const writes = () => (ec2.calls.CreateRoute ?? 0) + (ec2.calls.ReplaceRoute ?? 0) + (ec2.calls.DeleteRoute ?? 0);
  const before = writes();
  const move = await during(async () => {
    tell(swapped);
    await clock.advance(60_000);
  });
  const moveWrites = writes() - before;
  await reconcilers.at(-1)?.close();
  ec2.setInstanceState(`i-${hosts}`, "terminated");
  const dead = await during(async () => {
    tell(
      swapped.map((range) => (range.peer === hosts ? { ...range, peer: 1 } : range)),
      peers.slice(0, -1),
    );
    await clock.advance(HOUR);
  });
  for (const host of reconcilers) await host.close();
  const each = (n: number) => Number((n / hosts).toFixed(2));
  return {
    hosts,
    "start, each": each(start),
    "idle hour, each": each(idle),
    "a swap: writes": moveWrites,
    "Weave Net's way": 4 * tables.length,
    "a swap: reads, each": each(move - moveWrites),
    "hour with a death, each": each(dead),
  };
}

const rows = [];
for (const hosts of [2, 10, 50]) rows.push(await count(hosts));
console.table(rows);
