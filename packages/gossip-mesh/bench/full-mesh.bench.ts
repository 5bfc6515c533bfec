/**
 * A full mesh of N peers over loopback TCP in one process: time and CPU until every peer knows every established link.
 * `[SIZES] [LIMIT_S]`; BENCH_PLAIN=0 leaves out the peer in the same run, which is this program speaking as the original
 * does: whole topologies instead of differences.
 */
import { startMesh } from "../src/node/index.ts";
import type { RunningMesh } from "../src/node/start.ts";

const sizes = (process.argv[2] ?? "50,100").split(",").map(Number);
const LIMIT_S = Number(process.argv[3] ?? 60);
/** The original (Weave Mesh 2.8 on a 2-core machine): time, CPU. */
const ORIGINAL: Readonly<Record<number, string>> = { 50: "7 s, 13.5 CPU-s", 100: "59 s, 117 CPU-s" };
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
  // Equal digests: all believe the same. What that is, one of them tells.
  const complete = (): boolean => {
    const [first, ...others] = meshes.map((mesh) => mesh.convergence());
    if (first!.peers !== count || others.some(({ digest }) => digest !== first!.digest)) return false;
    return meshes[0]!
      .status()
      .peers.every((peer) => peer.connections.filter((c) => c.established).length === count - 1);
  };
  let done = false;
  while (!done && performance.now() - started < LIMIT_S * 1000) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    done = complete();
  }
  const seconds = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(cpuBefore);
  if (!done) console.log(`  not complete after ${LIMIT_S} s: ${describe(meshes)}`);
  await Promise.all(meshes.map((mesh) => mesh.close()));
  return { seconds, cpu: (user + system) / 1e6 };
}

function describe(meshes: readonly RunningMesh[]): string {
  const views = meshes.map((mesh) => mesh.convergence());
  return `${new Set(views.map(({ digest }) => digest)).size} views, ${Math.min(...views.map(({ peers }) => peers))} peers known at least`;
}

for (const count of sizes) {
  const ours = await fullMesh(count, true);
  const plain = process.env.BENCH_PLAIN === "0" ? undefined : await fullMesh(count, false);
  const show = (r: typeof ours) => `${r.seconds.toFixed(1)} s, ${r.cpu.toFixed(1)} CPU-s`;
  console.log(`N=${count}: differences ${show(ours)}; the original ${ORIGINAL[count] ?? "was not measured"}`);
  if (plain) {
    console.log(`N=${count}: whole topologies ${show(plain)}`);
    console.log(`N=${count}: ratio of CPU ${(plain.cpu / ours.cpu).toFixed(1)}`);
  }
}
process.exit(0);
