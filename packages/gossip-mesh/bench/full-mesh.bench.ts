/**
 * A full mesh of N peers over loopback TCP in one process: time and CPU until every peer knows every established link.
 * The original (Weave Mesh 2.8, 2-core machine): N=50 7 s, 13.5 CPU-s; N=100 59 s, 117 CPU-s.
 * The peer in the same run is this program speaking as the original does: whole topologies instead of differences.
 */
import { startMesh } from "../src/node/index.ts";
import type { RunningMesh } from "../src/node/start.ts";

const sizes = (process.argv[2] ?? "50,100").split(",").map(Number);
const LIMIT_S = 120;
/** One port, many loopback addresses: peers guess each other's port from their own. */
const PORT = 26_783;

async function fullMesh(count: number, topologySync: boolean): Promise<{ seconds: number; cpu: number }> {
  const cpuBefore = process.cpuUsage();
  const started = performance.now();
  const meshes: RunningMesh[] = [];
  for (let n = 1; n <= count; n++) {
    meshes.push(await startMesh({ name: n, nickname: `peer${n}`, host: `127.0.9.${n}`, port: PORT, topologySync }));
  }
  // Everybody is told of one peer, and finds the others.
  for (const mesh of meshes.slice(1)) await mesh.connect(["127.0.9.1"]);
  const complete = (mesh: RunningMesh): boolean => {
    const { peers } = mesh.status();
    return (
      peers.length === count &&
      peers.every(({ connections }) => connections.filter((c) => c.established).length === count - 1)
    );
  };
  let done = 0;
  while (done < count && performance.now() - started < LIMIT_S * 1000) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    while (done < count && complete(meshes[done]!)) done++;
  }
  const seconds = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(cpuBefore);
  if (done < count) console.log(`  not complete after ${LIMIT_S} s: ${done} of ${count}`);
  await Promise.all(meshes.map((mesh) => mesh.close()));
  return { seconds, cpu: (user + system) / 1e6 };
}

for (const count of sizes) {
  const ours = await fullMesh(count, true);
  const plain = process.env.BENCH_PLAIN === "0" ? undefined : await fullMesh(count, false);
  const show = (r: typeof ours) => `${r.seconds.toFixed(1)} s, ${r.cpu.toFixed(1)} CPU-s`;
  console.log(`N=${count}: differences ${show(ours)}`);
  if (plain) {
    console.log(`N=${count}: whole topologies ${show(plain)}`);
    console.log(`N=${count}: ratio of CPU ${(plain.cpu / ours.cpu).toFixed(1)}`);
  }
}
process.exit(0);
