/** Meshes in virtual time, for tests. */
import { createVirtualClock, seededRandom, type VirtualClock } from "@weaved/sim";
import { createMesh, type Mesh, type MeshOptions } from "../../src/index.ts";
import { createMemoryNetwork, type MemoryNetwork, type MemoryNetworkOptions } from "../../src/testing/index.ts";

/** A world of meshes. */
export interface World {
  readonly clock: VirtualClock;
  readonly network: MemoryNetwork;
  readonly random: () => number;
  /** Starts mesh number `n`: name n, at 10.x.y.z:6783. */
  start(n: number, options?: Partial<MeshOptions>): Mesh;
  address(n: number): string;
}

export function createWorld(seed: number = 1, options: Partial<MemoryNetworkOptions> = {}): World {
  const clock = createVirtualClock();
  const random = seededRandom(seed);
  const network = createMemoryNetwork({ clock, random, ...options });
  const host = (n: number) => `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`;
  return {
    clock,
    network,
    random,
    address: host,
    start(n, meshOptions = {}) {
      const port = meshOptions.port ?? 6783;
      const transport = network.transport(`${host(n)}:${port}`);
      return createMesh({ name: n, nickname: `host${n}`, ...meshOptions }, { clock, random, transport });
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
