/**
 * Allocation over the control interface, one request after the other: by a curl process each, by a connection each, by one client that
 * keeps its connection. Ours and, with WEAVED_ORIGINAL, the original answer in turns, request by request, so that whatever else the
 * machine does strikes both. Needs root. REQUESTS (500) to each.
 */
import { execFileSync } from "node:child_process";
import { Agent, request } from "node:http";
import { join } from "node:path";
import { createCluster, type Kind, type Node, originalFolder, whyNoOriginal } from "../test/host/e2e/cluster.ts";

const REQUESTS = Number(process.env.REQUESTS ?? 500);
/** Not counted. */
const WARM_UP = 50;

type Post = (socketPath: string, path: string) => Promise<string>;

const byCurl: Post = async (socketPath, path) =>
  execFileSync("curl", ["-s", "--unix-socket", socketPath, "-X", "POST", `http://localhost${path}`], {
    encoding: "utf8",
  });

const kept = new Agent({ keepAlive: true, maxSockets: 1 });
const byClient =
  (agent: Agent | false): Post =>
  (socketPath, path) =>
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

/** Milliseconds that one address takes. */
async function timed(node: Node, post: Post, ident: string): Promise<number> {
  const begun = performance.now();
  const answer = await post(join(node.host.dir, "control"), `/ip/${ident}`);
  const took = performance.now() - begun;
  if (!/^10\.32\.\d+\.\d+\/\d+$/.test(answer)) throw new Error(`${node.kind} answered "${answer}"`);
  return took;
}

function quantile(values: readonly number[], part: number): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length * part)] as number;
}

const kinds: Kind[] = originalFolder === undefined ? ["weaved"] : ["weaved", "original"];
await using cluster = await createCluster(kinds, 0);
for (const kind of kinds) await cluster.node(kind).start({ kind, flags: ["--ipalloc-init=consensus=1"] });
const ways = {
  "curl, a process each": byCurl,
  "a connection each": byClient(false),
  "one kept connection": byClient(kept),
};
for (const [name, post] of Object.entries(ways)) {
  const times: Record<Kind, number[]> = { weaved: [], original: [] };
  for (let i = 0; i < REQUESTS + WARM_UP; i++) {
    // Who goes first takes turns, too.
    for (const kind of i % 2 ? kinds : kinds.toReversed()) {
      const took = await timed(cluster.node(kind), post, `${name.replaceAll(/\W/g, "")}-${i}`);
      if (i >= WARM_UP) times[kind].push(took);
    }
  }
  for (const kind of kinds) {
    const median = quantile(times[kind], 0.5);
    const p99 = quantile(times[kind], 0.99).toFixed(1);
    console.log(
      `${name}: ${kind} ${(1000 / median).toFixed(0)} addresses/s by the median of ${median.toFixed(2)} ms, p99 ${p99} ms`,
    );
  }
  if (kinds.length === 2) {
    const ratio = (part: number) => (quantile(times.original, part) / quantile(times.weaved, part)).toFixed(2);
    console.log(`${name}: original / weaved = ${ratio(0.5)} by the median, ${ratio(0.1)} by the fastest tenth`);
  }
}
if (whyNoOriginal !== undefined) console.log(`not beside the original: ${whyNoOriginal}`);
kept.destroy();
