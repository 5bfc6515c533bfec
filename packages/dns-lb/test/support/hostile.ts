import { type ChildProcess, fork } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { fileURLToPath } from "node:url";
import { withLength } from "../../src/node/framing.ts";
import type { Random } from "../../src/ports.ts";
import type { Upstream } from "../../src/resolv-conf.ts";
import type { QueryTotals } from "../../src/stats.ts";
import { query } from "./queries.ts";

/** A server in a process of its own. */
export interface HostileLab {
  readonly port: number;
  readonly exited: () => number | null;
  /** Starts to measure turns of the event loop. */
  watch(): Promise<void>;
  report(): Promise<{ totals: QueryTotals; worstMs: number }>;
  close(): Promise<void>;
}

export async function hostileLab(upstreams: readonly Upstream[] = []): Promise<HostileLab> {
  const script = fileURLToPath(new URL("hostile-server.ts", import.meta.url));
  const execArgv = ["--import", "tsx", "--conditions=@weaved/source"];
  const child: ChildProcess = fork(script, [JSON.stringify(upstreams)], {
    execArgv,
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  const [{ port }] = (await once(child, "message")) as [{ port: number }];
  const report = async (command = "report"): Promise<{ totals: QueryTotals; worstMs: number }> => {
    child.send(command);
    const [value] = await once(child, "message");
    return value;
  };
  return {
    port,
    exited: () => child.exitCode,
    watch: async () => void (await report("watch")),
    report: () => report(),
    async close() {
      if (child.exitCode !== null) return;
      child.kill("SIGKILL");
      await once(child, "exit");
    },
  };
}

const seeds = [
  query("web.weave.local"),
  query("big.weave.local", "A", 4096),
  query("big.weave.local", 255, 65_535),
  query("_http._tcp.web.weave.local", "SRV", 1232),
  query("1.0.32.10.in-addr.arpa", "PTR"),
  query("www.example", "A", 4096),
];

/** A query with a few bytes changed, cut or lengthened; one in eight is noise. */
export function hostileMessage(random: Random): Uint8Array {
  const pick = (n: number): number => Math.floor(random() * n);
  if (pick(8) === 0) return Uint8Array.from({ length: pick(200) }, () => pick(256));
  const bytes = Uint8Array.from(seeds[pick(seeds.length)]!);
  for (let changes = pick(5); changes > 0; changes--) bytes[pick(bytes.length)] = pick(256);
  if (pick(4) === 0) return bytes.subarray(0, pick(bytes.length + 1));
  return pick(4) === 0 ? Uint8Array.from([...bytes, ...Array.from({ length: pick(40) }, () => pick(256))]) : bytes;
}

/** Sends datagrams as fast as the socket takes them. */
export async function sendDatagrams(port: number, count: number, random: Random): Promise<void> {
  const socket = createSocket("udp4");
  socket.on("message", () => {});
  for (let sent = 0; sent < count; sent++) {
    socket.send(hostileMessage(random), port, "127.0.0.1", () => {});
    if (sent % 64 === 63) await new Promise((resolve) => setImmediate(resolve));
  }
  await new Promise<void>((resolve) => socket.close(() => resolve()));
}

/** Opens connections that send whole, cut, and false frames, and end them in every way. */
export async function sendStreams(port: number, count: number, random: Random): Promise<void> {
  const pick = (n: number): number => Math.floor(random() * n);
  const one = async (): Promise<void> => {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => {});
    socket.on("data", () => {});
    const frames = Array.from({ length: 1 + pick(20) }, () => withLength(hostileMessage(random)));
    const stream = Buffer.concat(frames);
    if (pick(3) === 0) stream[pick(stream.length)] = pick(256);
    socket.write(stream.subarray(0, pick(2) === 0 ? stream.length : pick(stream.length + 1)));
    const way = pick(3);
    if (way === 0) socket.resetAndDestroy();
    else if (way === 1) socket.end();
    else socket.destroySoon();
    if (!socket.closed)
      await Promise.race([once(socket, "close"), new Promise((resolve) => setTimeout(resolve, 2000).unref())]);
    socket.destroy();
  };
  for (let left = count; left > 0; left -= 50) await Promise.all(Array.from({ length: Math.min(50, left) }, one));
}

/** What a false upstream does with a question. */
export interface FalseUpstream {
  readonly port: number;
  close(): Promise<void>;
}

/** An upstream on UDP and TCP, on one port. */
export async function falseUpstream(
  overUdp: (question: Uint8Array) => readonly Uint8Array[],
  overTcp: (socket: Socket, question: Uint8Array) => void,
): Promise<FalseUpstream> {
  const open = new Set<Socket>();
  const tcp: Server = createServer((socket) => {
    open.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => open.delete(socket));
    socket.on("data", (chunk) => overTcp(socket, chunk.subarray(2)));
  });
  tcp.listen(0, "127.0.0.1");
  await once(tcp, "listening");
  const { port } = tcp.address() as { port: number };
  const udp = createSocket("udp4");
  udp.on("message", (question, { port: to, address }) => {
    for (const reply of overUdp(question)) udp.send(reply, to, address, () => {});
  });
  udp.bind(port, "127.0.0.1");
  await once(udp, "listening");
  return {
    port,
    async close() {
      udp.close();
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => tcp.close(resolve));
    },
  };
}

/** A reply with one answer, 192.0.2.1. */
export function goodReply(question: Uint8Array): Uint8Array {
  const end = question.indexOf(0, 12) + 5;
  const bytes = Uint8Array.from([
    ...question.subarray(0, end),
    ...[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1],
  ]);
  bytes.set([0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0], 2);
  return bytes;
}
