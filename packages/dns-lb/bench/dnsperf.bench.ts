/**
 * Queries per second, with the 99th percentile of the latency under a steady load: ours against Debian's unbound, in one run.
 *
 * One name with ten addresses. `dnsperf` and the server share the machine's cores. With WEAVED_ORIGINAL_DNS=<program> a server
 * built from Weave Net's `nameserver` package takes part; it is called with `127.0.0.1:port` and must know web.weave.local.
 */
import { type ChildProcess, execFile, fork, spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { query } from "../test/support/queries.ts";

const exec = promisify(execFile);
const dir = mkdtempSync(join(tmpdir(), "dns-lb-bench-"));
const children: ChildProcess[] = [];
/** Contestants take turns, because a shared machine is not equally quick all the time; the best round of each counts. */
const rounds = 3;

async function ours(mode: string): Promise<number> {
  const child = fork(fileURLToPath(new URL("./server.ts", import.meta.url)), [mode], {
    execArgv: ["--import", "tsx", "--conditions=@weaved/source"],
  });
  children.push(child);
  return new Promise((resolve) => child.once("message", (port) => resolve(port as number)));
}

async function unbound(port: number): Promise<number> {
  const data = Array.from({ length: 10 }, (_, i) => `  local-data: "web.weave.local. 1 IN A 10.32.0.${i + 1}"`);
  const config = [
    "server:",
    `  interface: 127.0.0.1@${port}`,
    "  do-daemonize: no",
    '  chroot: ""',
    '  username: ""',
    `  directory: "${dir}"`,
    `  pidfile: "${dir}/pid"`,
    "  num-threads: 1",
    "  use-syslog: no",
    "  verbosity: 0",
    "  rrset-roundrobin: yes",
    "  access-control: 127.0.0.0/8 allow",
    '  local-zone: "weave.local." static',
    ...data,
    "remote-control:",
    "  control-enable: no",
    "",
  ];
  writeFileSync(join(dir, "unbound.conf"), config.join("\n"));
  children.push(spawn("unbound", ["-c", join(dir, "unbound.conf")], { stdio: "ignore" }));
  return port;
}

async function legacy(program: string, port: number): Promise<number> {
  children.push(spawn(program, [`127.0.0.1:${port}`], { stdio: "ignore" }));
  return port;
}

/** Waits until the server answers with ten addresses. */
async function ready(port: number): Promise<void> {
  for (let tries = 0; tries < 100; tries++) if ((await latencies(port, 1, 50))[0] !== undefined) return;
  throw new Error(`nobody answers on port ${port}`);
}

/** Asks `count` times, one question every `everyMs`; the waiting times of those answered, sorted, in ms. */
async function latencies(port: number, count: number, everyMs: number): Promise<number[]> {
  const socket = createSocket("udp4");
  const asked = new Map<number, number>();
  const waits: number[] = [];
  socket.on("message", (reply) => {
    const since = asked.get(reply.readUInt16BE(0));
    if (since !== undefined && reply.readUInt16BE(6) === 10) waits.push(performance.now() - since);
  });
  socket.on("error", () => {});
  for (let id = 0; id < count; id++) {
    const bytes = query("web.weave.local");
    bytes[0] = id >>> 8;
    bytes[1] = id & 255;
    asked.set(id, performance.now());
    socket.send(bytes, port, "127.0.0.1", () => {});
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
  await new Promise((resolve) => setTimeout(resolve, 100));
  socket.close();
  return waits.sort((a, b) => a - b);
}

const input = join(dir, "queries");
writeFileSync(input, "web.weave.local A\n");
const perf = async (port: number, ...args: string[]): Promise<string> =>
  (await exec("dnsperf", ["-s", "127.0.0.1", "-p", String(port), "-d", input, "-c", "4", "-q", "200", ...args])).stdout;

/** Queries per second at full load. */
async function throughput(port: number): Promise<number> {
  return Number(/Queries per second:\s+([\d.]+)/.exec(await perf(port, "-l", "3"))?.[1]);
}

/** 99th percentile under load: 20,000 queries a second in the background, ours measured among them. */
async function tail(port: number): Promise<number> {
  const background = perf(port, "-l", "2", "-Q", "20000");
  const waits = await latencies(port, 700, 2);
  await background;
  return waits[Math.floor(waits.length * 0.99)] ?? Number.NaN;
}

try {
  const program = process.env.WEAVED_ORIGINAL_DNS;
  const contestants: [string, Promise<number>][] = [
    ["unbound, one thread", unbound(5391)],
    ["dns-lb, batched", ours("batched")],
    ["dns-lb, single datagrams", ours("single")],
    ...(program === undefined
      ? []
      : [["Weave Net 2.8, two cores", legacy(program, 5392)] as [string, Promise<number>]]),
  ];
  const best = new Map<string, { qps: number; p99: number }>();
  const ports = new Map(await Promise.all(contestants.map(async ([name, port]) => [name, await port] as const)));
  for (const port of ports.values()) await ready(port);
  for (let round = 0; round < rounds; round++) {
    for (const [name, port] of ports) {
      const before = best.get(name) ?? { qps: 0, p99: Number.POSITIVE_INFINITY };
      const qps = Math.max(before.qps, await throughput(port));
      best.set(name, { qps, p99: Math.min(before.p99, await tail(port)) });
    }
  }
  const peer = best.get("unbound, one thread")!;
  for (const [name, { qps, p99 }] of best) {
    const ratio = (qps / peer.qps).toFixed(2);
    console.log(`${name}: ${Math.round(qps)} queries/s (${ratio} of unbound), p99 at 20,000/s ${p99.toFixed(2)} ms`);
  }
} finally {
  for (const child of children) child.kill();
  rmSync(dir, { recursive: true, force: true });
}
process.exit();
