/**
 * Simulation: N peers on a random graph of degree 8 converge, are split in halves, heal. Virtual time, messages, bytes, CPU;
 * the growth of bytes per peer from the smallest to the largest size, beside n log n.
 */
import { createVirtualClock, exponential, seededRandom } from "@weaved/sim";
import { createMesh, type Mesh } from "../src/index.ts";
import { createMemoryNetwork } from "../src/testing/index.ts";

const sizes = (process.argv[2] ?? "100,300,1000").split(",").map(Number);
const DEGREE = 8;
const host = (n: number): string => `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`;

/** Cheap: equal digests would do, but versions and counts are what an operator sees. */
function agreed(meshes: readonly Mesh[], count: number): boolean {
  let digest: bigint | undefined;
  for (const mesh of meshes) {
    const { peers, digest: own } = mesh.convergence();
    if (peers !== count || (digest !== undefined && own !== digest)) return false;
    digest = own;
  }
  return true;
}

async function run(count: number): Promise<number> {
  const clock = createVirtualClock();
  const random = seededRandom(count);
  const network = createMemoryNetwork({ clock, random, latency: exponential(2), loss: 0.01 });
  const meshes: Mesh[] = [];
  for (let n = 1; n <= count; n++) {
    const transport = network.transport(`${host(n)}:6783`);
    meshes.push(
      createMesh({ name: n, nickname: `p${n}`, discovery: false, connectionLimit: 0 }, { clock, random, transport }),
    );
  }
  for (let n = 2; n <= count; n++) {
    const targets = new Set([host(n - 1)]);
    while (targets.size < Math.min(DEGREE / 2, n - 1)) targets.add(host(1 + Math.floor(random() * (n - 1))));
    await meshes[n - 1]!.connect([...targets]);
  }
  const phase = (title: string, groups: Mesh[][], expected: number): void => {
    const before = {
      time: clock.now(),
      bytes: network.stats.bytes,
      segments: network.stats.segments,
      cpu: process.cpuUsage(),
    };
    let waited = 0;
    while (!groups.every((group) => agreed(group, expected)) && waited < 600_000) {
      clock.advance(500);
      waited += 500;
    }
    const cpu = process.cpuUsage(before.cpu);
    const perPeer = (network.stats.bytes - before.bytes) / count;
    console.log(
      `N=${count} ${title}: ${waited < 600_000 ? "agreed" : "NOT AGREED"} after ${((clock.now() - before.time) / 1000).toFixed(1)} s virtual, ` +
        `${((network.stats.segments - before.segments) / count).toFixed(0)} messages, ${(perPeer / 1000).toFixed(0)} kB a peer, ` +
        `${((cpu.user + cpu.system) / 1e6).toFixed(1)} CPU-s in all`,
    );
  };
  phase("converges", [meshes], count);
  const total = network.stats.bytes / count;
  const half = count / 2;
  network.partition([meshes.slice(0, half), meshes.slice(half)].map((group) => group.map((mesh) => host(mesh.name))));
  clock.advance(90_000);
  phase("in halves", [meshes.slice(0, half), meshes.slice(half)], half);
  network.heal();
  phase("heals", [meshes], count);
  for (const mesh of meshes) mesh.close();
  return total;
}

const bytes: number[] = [];
for (const count of sizes) bytes.push(await run(count));
const [small, large] = [sizes[0]!, sizes.at(-1)!];
const growth = bytes.at(-1)! / bytes[0]!;
const nLogN = (large * Math.log2(large)) / (small * Math.log2(small));
console.log(
  `bytes a peer grow by ${growth.toFixed(1)} from ${small} to ${large} peers; n log n grows by ${nLogN.toFixed(1)}`,
);
