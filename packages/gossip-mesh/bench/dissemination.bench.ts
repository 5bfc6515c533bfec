/**
 * ScaleCube's method: one update to all of N peers, 1 % loss, exponential delay of 2 ms; p50, p99 of the time until each
 * peer heard, over all updates. `[SIZES] [UPDATES] [SEED] [PER_MESH]`. So many updates share a mesh, which is dear to bring up (ten
 * up to 200 peers, all of them above): what varies then is who tells, what is lost, what is late. Each mesh has a seed of its own.
 */
import { disseminate, quantile } from "../test/support/scenarios.ts";

const sizes = (process.argv[2] ?? "200").split(",").map(Number);
const updates = Number(process.argv[3] ?? 100);
const first = Number(process.argv[4] ?? 1);

for (const count of sizes) {
  const perMesh = Number(process.argv[5] ?? (count <= 200 ? Math.min(10, updates) : updates));
  const times: number[] = [];
  for (let done = 0; done < updates; done += perMesh) times.push(...(await disseminate(first + done, count, perMesh)));
  const ms = (q: number) => quantile(times, q).toFixed(0);
  const missing = (count - 1) * updates - times.length;
  console.log(
    `N=${count}, ${updates} updates over ${Math.ceil(updates / perMesh)} meshes from seed ${first}: p50 ${ms(0.5)} ms, p99 ${ms(0.99)} ms, at most ${ms(1)} ms, never heard: ${missing}`,
  );
}
