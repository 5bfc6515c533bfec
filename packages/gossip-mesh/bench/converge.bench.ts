/**
 * Simulation: N peers on a random graph of degree 8 come up, are split in halves, joined again. `[SIZES] [SEED]`.
 * Virtual time, messages, bytes, CPU; the growth of bytes per peer from the first size to the last, beside n log n.
 */
import { type Phase, splitAndHeal } from "../test/scenarios.ts";

const sizes = (process.argv[2] ?? "100,200").split(",").map(Number);
const seed = Number(process.argv[3] ?? 1);

async function run(count: number): Promise<number> {
  let cpu = process.cpuUsage();
  let first: Phase | undefined;
  await splitAndHeal(seed, count, (phase) => {
    first ??= phase;
    const { title, ms, messagesPerPeer, bytesPerPeer } = phase;
    const { user, system } = process.cpuUsage(cpu);
    cpu = process.cpuUsage();
    console.log(
      `seed ${seed}, N=${count} ${title}: all agree after ${(ms / 1000).toFixed(1)} s virtual, ` +
        `${messagesPerPeer.toFixed(0)} messages, ${(bytesPerPeer / 1000).toFixed(0)} kB a peer, ` +
        `${((user + system) / 1e6).toFixed(1)} CPU-s in all`,
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
