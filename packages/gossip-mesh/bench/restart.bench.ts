/** Simulation: all N peers restart at once; virtual time until all agree again. `[SIZES] [SEED]`. */
import { restartAll } from "../test/support/scenarios.ts";

const sizes = (process.argv[2] ?? "100").split(",").map(Number);
const seed = Number(process.argv[3] ?? 1);

for (const count of sizes) {
  const cases = [
    ["on a random graph of degree 8", {}],
    ["with discovery, at most 8 connections", { discovery: true, connectionLimit: 8 }],
  ] as const;
  for (const [title, options] of cases) {
    const { user: before } = process.cpuUsage();
    const ms = await restartAll(seed, count, options);
    const cpu = (process.cpuUsage().user - before) / 1e6;
    console.log(
      `seed ${seed}, N=${count} restarted at once ${title}: all agree after ${(ms / 1000).toFixed(1)} s virtual (${cpu.toFixed(0)} CPU-s)`,
    );
  }
}
