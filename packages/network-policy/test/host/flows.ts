/**
 * Sends random packets through the kernel of this network namespace and compares what comes out with `evaluate`:
 * ```
 *   this program --frames--> pin0 [ forward: compiled rules ] pout0 --frames--> this program
 * ```
 * Each world is reached from the one before by `diff`, so that transactions are tried too. Arguments: WORLDS SEED.
 */
import { execFileSync } from "node:child_process";
import { Ip } from "@weaved/ip";
import { seededRandom } from "@weaved/sim";
import type { Tap } from "@weaved/tun-datapath/linux";
import { compile, createWorld, diff, evaluate, type RuleSet, render } from "../../src/index.ts";
import { protocolNumber } from "../../src/protocol.ts";
import type { Packet } from "../../src/testing/index.ts";
import { randomFlow, randomWorld } from "../support/worlds.ts";
import { frameOf, idOf } from "./support/frames.ts";
import { openRouter, TO } from "./support/router.ts";

/** Flows of a world that are sent at once. */
const FLOWS = 10;
/** The packet that no rule concerns: when it arrives, those before it have arrived or were dropped. */
const BARRIER: Packet = {
  protocol: 17,
  source: { address: Ip.parse("203.0.113.1"), port: 1 },
  destination: { address: Ip.parse("203.0.113.2"), port: 1 },
};

function nft(text: string): void {
  if (text !== "") execFileSync("nft", ["-f", "-"], { input: text, stdio: ["pipe", "ignore", "pipe"] });
}

const HOOK = [
  "add chain inet weave-policy forward { type filter hook forward priority 0 ; policy accept ; }",
  "add rule inet weave-policy forward jump judge",
];

/** Ids that came out before the barrier, within two seconds of silence at most. */
function delivered(output: Tap, barrier: number): Set<number> {
  const buffer = Buffer.alloc(2048);
  const found = new Set<number>();
  const end = performance.now() + 20_000;
  while (performance.now() < end) {
    const length = output.read(buffer);
    const id = length >= 34 ? idOf(buffer) : undefined;
    if (id === barrier) return found;
    if (id !== undefined) found.add(id);
  }
  throw new Error(`the barrier ${barrier} did not arrive`);
}

const [worlds, seed] = process.argv.slice(2).map(Number) as [number, number];
const { input, output } = openRouter();
const counts = { worlds, flows: 0, delivered: 0, dropped: 0 };
const wrong: string[] = [];
let before: RuleSet | undefined;
for (let i = 0; i < worlds; i++) {
  const random = seededRandom(seed + i);
  const state = randomWorld(random);
  const world = createWorld(state);
  const rules = compile({ world });
  nft(before && i % 50 !== 0 ? diff(before, rules) : render(rules, { logGroup: 87 }, HOOK));
  before = rules;
  const flows = Array.from({ length: FLOWS }, () => randomFlow(random, state));
  const first = 1 + (i % 5000) * (FLOWS + 1);
  for (const [n, flow] of flows.entries()) {
    const { source, destination, sourcePort, destinationPort, icmp } = flow;
    const ends = {
      source: { address: source as Ip, port: sourcePort },
      destination: { address: destination as Ip, port: destinationPort },
    };
    input.write(frameOf({ protocol: protocolNumber(flow.protocol)!, icmp, ...ends }, TO, first + n));
  }
  input.write(frameOf(BARRIER, TO, first + FLOWS));
  const came = delivered(output, first + FLOWS);
  for (const [n, flow] of flows.entries()) {
    const { allow } = evaluate(world, flow);
    counts.flows++;
    counts[allow ? "delivered" : "dropped"]++;
    if (allow !== came.has(first + n))
      wrong.push(`SEED=${seed + i}, flow ${n}, allowed ${allow}: ${JSON.stringify(flow)}`);
  }
}
console.log(JSON.stringify({ ...counts, wrong }));
