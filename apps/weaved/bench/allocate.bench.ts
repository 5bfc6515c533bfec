/**
 * Allocation over the control interface, one request after the other: by a curl process each, then by one client that keeps its
 * connection. Ours and, with WEAVED_ORIGINAL, the original take turns in the same run. Needs root. ROUNDS (7), REQUESTS (100).
 */
import { execFileSync } from "node:child_process";
import { Agent, request } from "node:http";
import { join } from "node:path";
import { createCluster, type Kind, type Node, originalFolder, whyNoOriginal } from "../test/host/e2e/cluster.ts";

const ROUNDS = Number(process.env.ROUNDS ?? 7);
const REQUESTS = Number(process.env.REQUESTS ?? 100);

type Post = (socketPath: string, path: string) => Promise<string>;

const byCurl: Post = async (socketPath, path) =>
  execFileSync("curl", ["-s", "--unix-socket", socketPath, "-X", "POST", `http://localhost${path}`], {
    encoding: "utf8",
  });

const agent = new Agent({ keepAlive: true, maxSockets: 1 });
const byClient: Post = (socketPath, path) =>
  new Promise((resolve, reject) => {
    const sent = request({ socketPath, path, method: "POST", agent }, (response) => {
      response.setEncoding("utf8");
      let body = "";
      response.on("data", (part: string) => {
        body += part;
      });
      response.on("end", () => resolve(body));
    });
    sent.on("error", reject).end();
  });

/** Requests a second, and the slowest but 1 % in milliseconds. */
async function round(node: Node, post: Post, label: string): Promise<{ rate: number; p99: number }> {
  const socket = join(node.host.dir, "control");
  const times: number[] = [];
  const begun = performance.now();
  for (let i = 0; i < REQUESTS; i++) {
    const at = performance.now();
    const answer = await post(socket, `/ip/${label}-${i}`);
    if (!/^10\.32\.\d+\.\d+\/\d+$/.test(answer)) throw new Error(`${node.kind} answered "${answer}"`);
    times.push(performance.now() - at);
  }
  const rate = (REQUESTS * 1000) / (performance.now() - begun);
  return { rate, p99: times.sort((a, b) => a - b)[Math.floor(REQUESTS * 0.99)] as number };
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] as number;
}

const kinds: Kind[] = originalFolder === undefined ? ["weaved"] : ["weaved", "original"];
await using cluster = await createCluster(kinds, 0);
for (const kind of kinds) await cluster.node(kind).start({ kind, flags: ["--ipalloc-init=consensus=1"] });
for (const [name, post] of Object.entries({ "curl, a process each": byCurl, "one kept connection": byClient })) {
  const results = new Map<Kind, { rate: number; p99: number }[]>(kinds.map((kind) => [kind, []]));
  for (let i = 0; i <= ROUNDS; i++) {
    for (const kind of kinds) {
      const result = await round(cluster.node(kind), post, `${name.slice(0, 3)}-${i}`);
      // The first round warms up.
      if (i > 0) results.get(kind)?.push(result);
    }
  }
  const rates = kinds.map((kind) => median((results.get(kind) ?? []).map(({ rate }) => rate)));
  kinds.forEach((kind, i) => {
    const p99 = median((results.get(kind) ?? []).map((result) => result.p99));
    console.log(`${name}: ${kind} ${(rates[i] as number).toFixed(0)} addresses/s, p99 ${p99.toFixed(1)} ms`);
  });
  if (rates.length === 2)
    console.log(`${name}: weaved / original = ${((rates[0] as number) / (rates[1] as number)).toFixed(2)}`);
}
if (whyNoOriginal !== undefined) console.log(`not beside the original: ${whyNoOriginal}`);
agent.destroy();
