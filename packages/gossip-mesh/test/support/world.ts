/** Meshes in virtual time, for tests. */
import { createVirtualClock, seededRandom, type VirtualClock } from "@weaved/sim";
import { onTestFinished } from "vitest";
import { createMesh, type Mesh, type MeshOptions } from "../../src/index.ts";
import { createMemoryNetwork, type MemoryNetwork, type MemoryNetworkOptions } from "../../src/testing/index.ts";

/** Worlds are used by benchmarks, too, where there is no test that could fail. */
function onTestFinishedIfAny(check: () => void): void {
  try {
    onTestFinished(check);
  } catch {}
}

/** A world of meshes. */
export interface World {
  readonly clock: VirtualClock;
  readonly network: MemoryNetwork;
  readonly random: () => number;
  /** Starts mesh number `n`: name n, at 10.x.y.z:6783. */
  start(n: number, options?: Partial<MeshOptions>): Mesh;
  address(n: number): string;
}

/** What makes a world special. */
export interface WorldOptions extends Partial<MemoryNetworkOptions> {
  /** Looks names up; without it every name is an address. */
  readonly resolve?: (host: string) => Promise<string>;
}

export function createWorld(seed: number = 1, { resolve, ...options }: WorldOptions = {}): World {
  const clock = createVirtualClock();
  const random = seededRandom(seed);
  const meshes: Mesh[] = [];
  onTestFinishedIfAny(() => {
    // A callback that throws does not end the process any more, but it has to fail the test.
    for (const mesh of meshes) {
      const { MESH_INTERNAL: unexpected } = mesh.status().events;
      if (unexpected) throw new Error(`mesh ${mesh.name} has had ${unexpected} unexpected errors`);
    }
  });
  const network = createMemoryNetwork({ clock, random, ...options });
  const host = (n: number) => `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`;
  return {
    clock,
    network,
    random,
    address: host,
    start(n, meshOptions = {}) {
      const port = meshOptions.port ?? 6783;
      const plain = network.transport(`${host(n)}:${port}`);
      const transport = resolve ? { ...plain, resolve } : plain;
      const mesh = createMesh({ name: n, nickname: `host${n}`, ...meshOptions }, { clock, random, transport });
      meshes.push(mesh);
      return mesh;
    },
  };
}

/** Whether all meshes believe the same, and know exactly each other. */
export function agree(meshes: readonly Mesh[]): boolean {
  // Cheap, and mostly enough to know that they do not.
  const digests = new Set(meshes.map((mesh) => mesh.convergence().digest));
  if (digests.size !== 1 || meshes.some((mesh) => mesh.convergence().peers !== meshes.length)) return false;
  const views = meshes.map((mesh) => mesh.status().peers);
  const text = (peers: (typeof views)[number]) =>
    JSON.stringify(peers, (_key, value) => (typeof value === "bigint" ? String(value) : value));
  return views.every((peers) => peers.length === meshes.length) && new Set(views.map(text)).size === 1;
}
