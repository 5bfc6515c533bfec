import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { ConfigError } from "../config/error.ts";
import { parseDockerAddress } from "../docker/address.ts";
import { serveConnection } from "./connection.ts";
import { createIntercept, type InterceptOptions } from "./intercept.ts";
import { type ListenOptions, listenForDocker, type ProxyListener } from "./listen.ts";
import { isProcessor, type WaitFor, waitProgram } from "./waiter/program.ts";

/** What the proxy is made from. */
export interface ProxyOptions
  extends Omit<InterceptOptions, "waitFolder" | "noWaitFolder">,
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
 * @throws ConfigError when an address cannot be used, or there is no wait program for this processor
 */
export async function startProxy(options: ProxyOptions): Promise<DockerProxy> {
  const place = parseDockerAddress(options.docker);
  const folders = writePrograms(options.folder, options.multicastRoute ? "multicast route" : "interface");
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
function writePrograms(folder: string, waitFor: WaitFor): { waitFolder: string; noWaitFolder: string } {
  const { arch } = process;
  if (!isProcessor(arch)) throw new ConfigError(`the Docker proxy has no wait program for ${arch}; leave --proxy out`);
  const write = (name: string, what: WaitFor): string => {
    const place = join(folder, name);
    mkdirSync(place, { recursive: true, mode: 0o755 });
    writeFileSync(join(place, ".w"), waitProgram(arch, what), { mode: 0o755 });
    renameSync(join(place, ".w"), join(place, "w"));
    return place;
  };
  return { waitFolder: write("w", waitFor), noWaitFolder: write("w-noop", "nothing") };
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
