import { chmodSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { parseDockerAddress } from "../engine/address.ts";
import { DockerError } from "../errors.ts";
import { createIntercept, type InterceptOptions } from "../intercept/intercept.ts";
import { initShim, isProcessor, type WaitFor } from "../shim/program.ts";
import { serveConnection } from "./connection.ts";
import { type ListenOptions, listenForDocker, type ProxyListener } from "./listen.ts";

/** What the proxy is made from. */
export interface ProxyOptions
  extends Omit<InterceptOptions, "shimFolder" | "idleShimFolder">,
    Pick<ListenOptions, "tls"> {
  /** Where it listens, see {@link listenForDocker}. */
  readonly addresses: readonly string[];
  /** Docker's API. */
  readonly docker: string;
  /** A folder that outlives restarts of this machine: containers have its parts mounted. */
  readonly folder: string;
  readonly multicastRoute: boolean;
}

/** A proxy that runs until closed. */
export interface DockerProxy {
  readonly addresses: readonly string[];
  close(): Promise<void>;
}

/**
 * Serves Docker's API, and has the containers made through it attached before their first instruction.
 *
 * @throws DockerError when an address cannot be used, or there is no init shim for this processor
 */
export async function startProxy(options: ProxyOptions): Promise<DockerProxy> {
  const place = parseDockerAddress(options.docker);
  const folders = writeShims(options.folder, options.multicastRoute ? "multicast route" : "interface");
  const intercept = createIntercept({ ...options, ...folders });
  const onClient = (client: Socket) => serveConnection({ client, intercept, connect: () => open(place) });
  const listeners: ProxyListener[] = [];
  const close = async () => void (await Promise.all(listeners.map((listener) => listener.close())));
  try {
    const modelSocket = "socketPath" in place ? place.socketPath : undefined;
    for (const address of options.addresses)
      listeners.push(await listenForDocker(address, { tls: options.tls, modelSocket, onClient }));
  } catch (error) {
    await close();
    throw error;
  }
  return { addresses: listeners.map(({ address }) => address), close };
}

/** Containers have the folders mounted, not the files: what is written here counts for containers of before as well. */
function writeShims(folder: string, waitFor: WaitFor): { shimFolder: string; idleShimFolder: string } {
  const { arch } = process;
  if (!isProcessor(arch))
    throw new DockerError("PROCESSOR_UNSUPPORTED", `the Docker proxy has no init shim for ${arch}; leave --proxy out`);
  const write = (name: string, what: WaitFor): string => {
    const place = join(folder, name);
    mkdirSync(place, { recursive: true });
    writeFileSync(join(place, ".w"), initShim(arch, what));
    // Whatever the umask of the daemon: every user of a container must be able to run the shim.
    for (const made of [place, join(place, ".w")]) chmodSync(made, 0o755);
    renameSync(join(place, ".w"), join(place, "w"));
    return place;
  };
  return { shimFolder: write("w", waitFor), idleShimFolder: write("w-noop", "nothing") };
}

function open(
  place: { readonly socketPath: string } | { readonly host: string; readonly port: number },
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const target = "socketPath" in place ? { path: place.socketPath } : place;
    const socket = connect({ ...target, allowHalfOpen: true });
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.off("error", reject);
      resolve(socket);
    });
  });
}
