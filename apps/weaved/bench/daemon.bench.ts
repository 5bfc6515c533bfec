/**
 * What a daemon costs: memory at rest with 3 peers and with 100, time from start to answer, attaching a namespace, a Docker
 * container, `docker run` through the proxy. Beside the original in the same run with WEAVED_ORIGINAL. Needs root. ROUNDS (50).
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { startMesh } from "@weaved/gossip-mesh/node";
import { dockerImage } from "@weaved/netlab";
import { heartbeatOverlay } from "../../../packages/gossip-mesh/test/host/heartbeats.ts";
import { createCluster, establishedOf, type Kind, type Node, originalFolder } from "../test/host/e2e/cluster.ts";
import { type EngineNode, proxySocket, sleeper, startEngines } from "../test/host/engines.ts";

const ROUNDS = Number(process.env.ROUNDS ?? 50);
const kinds: Kind[] = originalFolder === undefined ? ["weaved"] : ["weaved", "original"];

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] as number;
}

/** Milliseconds that `act` takes, each of the rounds; `undo` is not counted. */
async function timed(act: () => Promise<unknown>, undo: () => Promise<unknown>): Promise<string> {
  const times: number[] = [];
  for (let i = 0; i < ROUNDS; i++) {
    const since = performance.now();
    await act();
    times.push(performance.now() - since);
    await undo();
  }
  const most = times.sort((x, y) => x - y)[Math.floor(ROUNDS * 0.95)] as number;
  return `median ${median(times).toFixed(0)} ms, p95 ${most.toFixed(0)} ms`;
}

/** Resident memory of a daemon, threads included, in MB. The original is the child of its own pid namespace's maker. */
async function memoryOf(node: Node): Promise<number> {
  const { pid } = node.daemon;
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean);
  const own = node.kind === "original" ? Number(children[0]) : pid;
  const [, kilobytes] = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${own}/status`, "utf8")) ?? [];
  return Number(kilobytes) / 1024;
}

async function rest(kind: Kind): Promise<void> {
  await using cluster = await createCluster(["a", "b", "c"], 1);
  const times: number[] = [];
  for (const node of cluster.nodes) {
    const since = performance.now();
    await node.start({ kind, peers: node.name === "a" ? [] : ["a"] });
    times.push(performance.now() - since);
  }
  await cluster.linked(2, undefined, 40_000);
  await cluster.node("a").allocate("x");
  await setTimeout(5000);
  const memory = await Promise.all(cluster.nodes.map(memoryOf));
  console.log(
    `${kind}: start to answer ${median(times).toFixed(0)} ms; memory with 3 peers ${median(memory).toFixed(0)} MB`,
  );
}

/** One daemon whose other peers are connections of this process: no data path, everything else real. */
async function hundred(kind: Kind): Promise<void> {
  await using cluster = await createCluster(["a"], 1);
  const a = cluster.node("a");
  await a.start({ kind, flags: ["--no-fastdp", "--conn-limit=0"] });
  const before = await memoryOf(a);
  // Through the host's own network: its address is reached by entering the namespace of the daemon.
  const enter = cluster.lab.host("a");
  const peers = await enter.spawn(
    process.execPath,
    ["--import", "tsx", "--conditions=@weaved/source", new URL(import.meta.url).pathname, "peers", "99"],
    { name: "peers" },
  );
  const limit = performance.now() + 120_000;
  while ((await establishedOf(a)) < 99 && performance.now() < limit) await setTimeout(500);
  await setTimeout(5000);
  const links = await establishedOf(a);
  console.log(
    `${kind}: memory ${before.toFixed(0)} MB alone, ${(await memoryOf(a)).toFixed(0)} MB with ${links} links`,
  );
  peers.kill("SIGKILL");
}

/** The other end of {@link hundred}: peers that connect to the daemon and to nobody else. */
async function serve(count: number): Promise<void> {
  for (let n = 0; n < count; n++) {
    const [name, port] = [0x100 + n, 20_000 + n];
    const overlay = heartbeatOverlay(name, port);
    const mesh = await startMesh({ name, nickname: `p${n}`, host: "127.0.0.1", port, discovery: false, overlay });
    await mesh.connect(["127.0.0.1:6783"]);
  }
}

async function attaching(): Promise<void> {
  await using cluster = await createCluster(["a"], 1);
  const a = cluster.node("a");
  await a.start({ flags: ["--ipalloc-init=consensus=1"] });
  const reference = a.reference("c1");
  const figure = await timed(
    () => a.weave("attach", reference),
    () => a.weave("detach", reference),
  );
  console.log(`weaved: attach a namespace, address included: ${figure}`);
}

/** A container of an engine, by a command of its own as an operator types it; then `docker run` by the engine, by the proxy. */
async function attachingDocker(): Promise<void> {
  const flags = ["--ipalloc-init=consensus=1", "--proxy", "-H", `unix://${proxySocket}`];
  const { cluster, nodes } = await startEngines(["a"], flags);
  try {
    const one = nodes[0] as EngineNode;
    await sleeper(one, "busy");
    const attach = await timed(
      () => one.weave("attach", "busy"),
      () => one.weave("detach", "busy"),
    );
    console.log(`weaved: weave attach CONTAINER, the command's own start included: ${attach}`);
    for (const [name, docker] of [
      ["the engine", one.docker],
      ["the proxy, attached", one.proxied],
    ] as const) {
      const run = await timed(
        () => docker("run", "--name", "short", dockerImage, "true"),
        () => one.docker("rm", "-f", "short"),
      );
      console.log(`docker run by ${name}: ${run}`);
    }
    if (originalFolder !== undefined) await attachingOriginal(one, originalFolder);
  } finally {
    await cluster.close();
  }
}

/** What the original's `weave attach` does: it asks for an address, then has a program lay the cable. */
async function attachingOriginal({ node, engine }: EngineNode, folder: string): Promise<void> {
  await node.stop();
  await node.weave("reset", "--force").catch(() => "");
  await node.start({ kind: "original", flags: ["--ipalloc-init=consensus=1", `--docker-api=unix://${engine.socket}`] });
  const control = join(node.host.dir, "control");
  const id = (await engine.must(["inspect", "-f", "{{.Id}}", "busy"])).trim();
  const curl = (method: string) => ["-sf", "--unix-socket", control, "-X", method, `http://localhost/ip/${id}`];
  const env = `DOCKER_HOST=unix://${engine.socket}`;
  let address = "";
  const figure = await timed(
    async () => {
      const cidr = (await node.host.must("curl", curl("POST"))).trim();
      await node.host.must("env", [env, join(folder, "weaveutil"), "attach-container", id, "weave", cidr]);
      address = cidr;
    },
    async () => {
      await node.host.must("env", [env, join(folder, "weaveutil"), "detach-container", id, address]);
      await node.host.must("curl", curl("DELETE"));
    },
  );
  console.log(`original: attach a container, by curl, weaveutil: ${figure}`);
}

if (process.argv[2] === "peers") await serve(Number(process.argv[3]));
else {
  for (const kind of kinds) await rest(kind);
  for (const kind of kinds) await hundred(kind);
  await attaching();
  await attachingDocker();
}
