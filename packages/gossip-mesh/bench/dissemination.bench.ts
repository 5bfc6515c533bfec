/** ScaleCube's method: one update to all of N peers, 1 % loss, exponential delay of 2 ms; p50 and p99 of the time, over seeds. */
import { createVirtualClock, exponential, seededRandom } from "@weaved/sim";
import { createMesh, type Mesh, type MeshPorts } from "../src/index.ts";
import { createMemoryNetwork } from "../src/testing/index.ts";

const [sizes = "200", seeds = "100"] = process.argv.slice(2);
const host = (n: number): string => `10.0.${n >> 8}.${n & 255}`;
const quantile = (sorted: readonly number[], q: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]!;

async function build(
  count: number,
  seed: number,
): Promise<{ clock: ReturnType<typeof createVirtualClock>; meshes: Mesh[] }> {
  const clock = createVirtualClock();
  const random = seededRandom(seed);
  const network = createMemoryNetwork({ clock, random, latency: exponential(2), loss: 0.01 });
  const meshes: Mesh[] = [];
  for (let n = 1; n <= count; n++) {
    const ports: MeshPorts = { clock, random, transport: network.transport(`${host(n)}:6783`) };
    meshes.push(createMesh({ name: n, discovery: false, connectionLimit: 0 }, ports));
  }
  for (let n = 2; n <= count; n++) {
    const targets = new Set([host(n - 1)]);
    while (targets.size < Math.min(4, n - 1)) targets.add(host(1 + Math.floor(random() * (n - 1))));
    await meshes[n - 1]!.connect([...targets]);
  }
  clock.advanceUntil(() => meshes.every((mesh) => mesh.convergence().peers === count), 60_000);
  clock.advance(5_000);
  return { clock, meshes };
}

for (const count of sizes.split(",").map(Number)) {
  const times: number[] = [];
  // One mesh serves ten updates, each from another peer: what varies is who tells, what is lost, what is late.
  for (let seed = 1; seed <= Number(seeds); seed += 10) {
    const { clock, meshes } = await build(count, seed);
    let heardAt: number[] = [];
    const senders = meshes.map((mesh) => {
      let last = -1;
      const take = (payload: Uint8Array) => {
        if (payload[0]! <= last) return undefined;
        last = payload[0]!;
        heardAt.push(clock.now());
        return data(last);
      };
      return mesh.openChannel("news", {
        onUnicast() {},
        onBroadcast: (_s, p) => take(p),
        onGossip: take,
        gossip: () => (last < 0 ? undefined : data(last)),
      });
    });
    for (let update = 0; update < 10; update++) {
      heardAt = [];
      const started = clock.now();
      senders[(update * 37 + seed) % count]!.gossip(data(update));
      clock.advanceUntil(() => heardAt.length >= count - 1, 60_000);
      times.push(...heardAt.map((at) => at - started));
      clock.advance(1_000);
    }
    for (const mesh of meshes) mesh.close();
  }
  times.sort((a, b) => a - b);
  console.log(
    `N=${count}, ${seeds} updates: p50 ${quantile(times, 0.5).toFixed(0)} ms, p99 ${quantile(times, 0.99).toFixed(0)} ms, max ${times.at(-1)!.toFixed(0)} ms`,
  );
}

function data(value: number): { merge(other: unknown): ReturnType<typeof data>; encode(): Uint8Array[] } {
  return { merge: (other) => other as ReturnType<typeof data>, encode: () => [Uint8Array.of(value)] };
}
