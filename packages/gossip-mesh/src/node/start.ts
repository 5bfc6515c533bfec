import { defaultProvider } from "@weaved/sleeve-crypto/node";
import type { Mesh, MeshOptions, MeshPorts } from "../api.ts";
import { createMesh } from "../mesh.ts";
import type { Address } from "../ports.ts";
import { systemClock, systemRandom } from "./clock.ts";
import { openTcp } from "./tcp.ts";

/** How a mesh on TCP is to be. */
export interface StartOptions extends MeshOptions {
  /** Address to listen on and to dial from. @defaultValue "0.0.0.0" */
  readonly host?: string;
}

/** A mesh on TCP. */
export interface RunningMesh extends Omit<Mesh, "close">, AsyncDisposable {
  /** Where it listens. */
  readonly local: Address;
  /** Resolves when nothing of it is left running. Idempotent. */
  close(): Promise<void>;
}

/**
 * Listens, then starts a mesh. Port 0 takes any free one.
 *
 * @throws MeshError MESH_TRANSPORT if the port is taken, MESH_USAGE for impossible options
 */
export async function startMesh(options: StartOptions, ports: Partial<MeshPorts> = {}): Promise<RunningMesh> {
  const { host, port = 6783 } = options;
  const transport = await openTcp({ ...(host === undefined ? {} : { host }), port });
  try {
    const crypto = ports.crypto ?? defaultProvider();
    const own: MeshPorts = { clock: systemClock, random: systemRandom(), transport, crypto };
    const mesh = createMesh({ ...options, port: transport.local.port }, { ...own, ...ports });
    const close = async (): Promise<void> => {
      mesh.close();
      await transport.close();
    };
    return { ...mesh, local: transport.local, close, [Symbol.asyncDispose]: close };
  } catch (error) {
    await transport.close();
    throw error;
  }
}
