import { type DockerEngine, dockerImage } from "@weaved/netlab";
import { type Cluster, createCluster, type Node } from "./e2e/cluster.ts";

/** A lab host with a real Docker engine and a daemon that follows it. */
export interface EngineNode {
  readonly node: Node;
  /** Replaced when it was restarted. */
  engine: DockerEngine;
  /** `docker ARGS...` straight to the engine; what it prints, trimmed. */
  docker(...args: string[]): Promise<string>;
  /** The same through the proxy at {@link proxySocket}. */
  proxied(...args: string[]): Promise<string>;
  /** `weave ARGS...` on that host. */
  weave(...args: string[]): Promise<string>;
  /** `/v1/attachments`, by container. */
  attachments(): Promise<{ id: string; addresses: string[]; hostname?: string }[]>;
  /** `docker exec`, straight to the engine. */
  exec(container: string, ...command: string[]): Promise<{ code: number; stdout: string; stderr: string }>;
}

/** Where the proxies of tests listen. */
export const proxySocket = "/run/weave/weave.sock";

/** Hosts with engines and daemons, linked to the first. */
export interface EngineCluster {
  readonly cluster: Cluster;
  readonly nodes: readonly EngineNode[];
}

/** Starts engines, then daemons with these flags on top of the common ones; the same for all, or by host. */
export async function startEngines(
  names: readonly string[],
  flags: readonly string[] | ((name: string) => readonly string[]),
): Promise<EngineCluster> {
  const hosts = Object.fromEntries(names.map((name) => [name, { docker: true }]));
  const cluster = await createCluster(names, 0, { hosts });
  try {
    const nodes = await Promise.all(
      cluster.nodes.map(async (node, index) => {
        const engine = await node.host.startDocker();
        const own = typeof flags === "function" ? flags(node.name) : flags;
        await node.start({
          peers: index === 0 ? [] : [names[0]!],
          flags: [`--docker-api=unix://${engine.socket}`, ...own],
        });
        return engineNode(node, engine);
      }),
    );
    return { cluster, nodes };
  } catch (error) {
    console.error(cluster.logs());
    await cluster.close();
    throw error;
  }
}

function engineNode(node: Node, engine: DockerEngine): EngineNode {
  const control = `${node.host.dir}/control`;
  const weaveBin = new URL("../../bin/weave", import.meta.url).pathname;
  const one: EngineNode = {
    node,
    engine,
    docker: (...args) => one.engine.must(args),
    proxied: (...args) => one.engine.must(["-H", `unix://${proxySocket}`, ...args]),
    weave: (...args) =>
      node.host
        .must("env", [`WEAVE_HTTP_ADDR=${control}`, process.execPath, weaveBin, ...args])
        .then((text) => text.trim()),
    attachments: async () => JSON.parse(await node.call("GET", "/v1/attachments")),
    exec: (container, ...command) => one.engine.docker(["exec", container, ...command]),
  };
  return one;
}

/** Starts a container that sleeps; its full id. */
export function sleeper(one: EngineNode, name: string, ...args: string[]): Promise<string> {
  return one.docker("run", "-d", "--stop-signal=KILL", "--name", name, ...args, dockerImage, "sleep", "10000");
}
