/**
 * Sends allowed and denied packets through this network namespace while rules are rewritten. Arguments: REWRITES.
 * Prints what an {@link createEnforcer} did and what came through.
 */
import { execFileSync, spawn } from "node:child_process";
import { setImmediate } from "node:timers/promises";
import { Ip } from "@weaved/ip";
import { compile, createWorld, type Endpoint, type Policy, readDocument } from "../../src/index.ts";
import { createEnforcer, filterBridge } from "../../src/node/index.ts";
import type { Runner } from "../../src/ports.ts";
import type { Packet } from "../../src/testing/index.ts";
import { frameOf, idOf } from "./support/frames.ts";
import { openRouter, TO } from "./support/router.ts";

const runner: Runner = {
  run: ({ argv, stdin }) =>
    new Promise((resolve, reject) => {
      const child = spawn(argv[0]!, argv.slice(1));
      const output = { stdout: "", stderr: "" };
      child.stdout.on("data", (data) => (output.stdout += data));
      child.stderr.on("data", (data) => (output.stderr += data));
      child.on("error", reject);
      child.on("close", (code) => resolve({ code: code ?? 128, ...output }));
      // A command that exits without reading its input is judged by its exit code.
      child.stdin.on("error", () => {});
      child.stdin.end(stdin ?? "");
    }),
};

const [WEB, DB, JOB] = ["10.32.0.1", "10.32.0.2", "10.32.0.3"].map((text) => Ip.parse(text)) as [Ip, Ip, Ip];
const endpoint = (id: string, app: string, address: Ip): Endpoint => ({ id, labels: { app }, addresses: [address] });
const policy = (document: object): Policy => {
  const read = readDocument(document);
  if (read.kind !== "policy") throw new Error("expected a policy");
  return read.policy;
};
const db = (more: object[]) =>
  policy({
    name: "db",
    selector: "app == 'db'",
    ingress: [...more, { action: "allow", protocol: "udp", from: { selector: "app == 'web'" } }],
  });

/** Two states that differ in a policy, a set, and a map, and that allow the same packets. */
const rulesOf = (odd: boolean) =>
  compile({
    world: createWorld({
      policies: odd
        ? [
            db([{ action: "log", protocol: "tcp" }]),
            policy({ name: "more", order: 1, selector: "app == 'db'", ingress: [{ action: "pass" }] }),
          ]
        : [db([])],
      endpoints: [
        endpoint("w", "web", WEB),
        endpoint("d", "db", DB),
        endpoint("j", "job", JOB),
        endpoint("x", odd ? "web" : "db", Ip.parse("10.32.0.9")),
      ],
    }),
  });

const rewrites = Number(process.argv[2]);
const { input, output } = openRouter();
const options = { runner, logGroup: 87 };
const enforcer = createEnforcer(options);
const done: Record<string, number> = { none: 0, change: 0, whole: 0 };
const sent = { allowed: 0, denied: 0 };
const came = { allowed: 0, denied: 0 };
const note = async (work: Promise<{ readonly how: string }>) => {
  done[(await work).how]! += 1;
};

/** The id says which kind a packet is: even ones are allowed. Ports differ, so that each packet opens a connection. */
function send(): void {
  const port = 1024 + ((sent.allowed + sent.denied) % 60_000);
  const packet = (source: Ip): Packet => ({
    protocol: 17,
    source: { address: source, port },
    destination: { address: DB, port: 53 },
  });
  input.write(frameOf(packet(WEB), TO, (2 * sent.allowed++) % 60_000));
  input.write(frameOf(packet(JOB), TO, (2 * sent.denied++ + 1) % 60_000));
}

const buffer = Buffer.alloc(2048);
function receive(): void {
  for (let length = output.read(buffer); length > 0; length = output.read(buffer)) {
    // The kernel sends IPv6 packets of its own.
    const id = length >= 34 && buffer.readUInt16BE(12) === 0x0800 ? idOf(buffer) : undefined;
    if (id !== undefined) came[id % 2 === 0 ? "allowed" : "denied"]++;
  }
}

await note(enforcer.apply(rulesOf(false)));
await note(enforcer.apply(rulesOf(false)));
for (let i = 1; i <= rewrites; i++) {
  let pending = true;
  const work = note(enforcer.apply(rulesOf(i % 2 === 1))).finally(() => {
    pending = false;
  });
  for (let n = 0; pending; n++) {
    if (n % 20 === 0) send();
    receive();
    await setImmediate();
  }
  await work;
}
for (const end = performance.now() + 20_000; came.allowed < sent.allowed && performance.now() < end; ) receive();

// A former process left a table; somebody flushes all rules; the switch of one bridge.
await note(createEnforcer(options).apply(rulesOf(false)));
const intact = await enforcer.repair();
execFileSync("nft", ["flush", "ruleset"]);
const repaired = await enforcer.repair();
const restored = execFileSync("nft", ["list", "map", "inet", "weave-policy", "in4"], { encoding: "utf8" }).includes(
  DB.toString(),
);
execFileSync("ip", ["link", "add", "pbr0", "type", "bridge"]);
await filterBridge(runner, "pbr0", true);
const bridge = execFileSync("ip", ["-d", "link", "show", "pbr0"], { encoding: "utf8" });
await enforcer.remove();
const removed = !execFileSync("nft", ["list", "tables"], { encoding: "utf8" }).includes("weave-policy");
const bad = await filterBridge(runner, "none0", true).catch((error: Error) => error.message);
console.log(
  JSON.stringify({
    done,
    sent,
    came,
    intact,
    repaired,
    restored,
    removed,
    bad,
    filtered: /nf_call_iptables 1 nf_call_ip6tables 1/.test(bridge),
  }),
);
