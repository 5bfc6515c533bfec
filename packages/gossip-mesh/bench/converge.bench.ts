/**
 * Simulation: N peers on a random graph of degree 8 come up, hear a hundred updates, are split in halves, joined again.
 * `[SIZES] [SEED]`. Virtual time, messages, bytes, CPU; the growth of bytes per peer from the first size to the last, beside
 * n log n.
 */
import { type Phase, quantile, splitAndHeal } from "../test/support/scenarios.ts";

const sizes = (process.argv[2] ?? "100,200").split(",").map(Number);
const seed = Number(process.argv[3] ?? 1);

async function run(count: number): Promise<number> {
  let cpu = process.cpuUsage();
  let first: Phase | undefined;
  const onPhase = (phase: Phase): void => {
    first ??= phase;
    const { title, ms, messagesPerPeer, bytesPerPeer } = phase;
    const { user, system } = process.cpuUsage(cpu);
    cpu = process.cpuUsage();
    console.log(
      `seed ${seed}, N=${count} ${title}: all agree after ${(ms / 1000).toFixed(1)} s virtual, ` +
        `${messagesPerPeer.toFixed(0)} messages, ${(bytesPerPeer / 1000).toFixed(0)} kB a peer, ` +
        `${((user + system) / 1e6).toFixed(1)} CPU-s in all`,
    );
  };
  await splitAndHeal(seed, count, onPhase, (times) => {
    const [p50, p99, most] = [0.5, 0.99, 1].map((q) => quantile(times, q).toFixed(0));
    const missing = (count - 1) * 100 - times.length;
    console.log(
      `seed ${seed}, N=${count} 100 updates: p50 ${p50} ms, p99 ${p99} ms, at most ${most} ms, never heard: ${missing}`,
    );
  });
  return first!.bytesPerPeer;
}

const bytes: number[] = [];
for (const count of sizes) bytes.push(await run(count));
const [small, large] = [sizes[0]!, sizes.at(-1)!];
const growth = bytes.at(-1)! / bytes[0]!;
const nLogN = (large * Math.log2(large)) / (small * Math.log2(small));
console.log(
  `bytes a peer to come up grow by ${growth.toFixed(1)} from ${small} to ${large} peers; n log n grows by ${nLogN.toFixed(1)}`,
);
