import { type ChildProcess, fork } from "node:child_process";
import { createSocket, type Socket } from "node:dgram";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { query, read } from "../support/queries.ts";

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const children: ChildProcess[] = [];
afterAll(() => {
  for (const child of children) child.kill("SIGKILL");
});

function start(script: string, ...args: string[]): ChildProcess {
  const execArgv = ["--import", "tsx", "--conditions=@weaved/source"];
  const child = fork(here(script), args, { execArgv, stdio: ["ignore", "ignore", "inherit", "ipc"] });
  children.push(child);
  return child;
}
const message = <T>(child: ChildProcess): Promise<T> =>
  new Promise((resolve) => child.once("message", (value) => resolve(value as T)));

/** One question, repeated once after a second, as resolvers do; how long the answer took in ms, and at which attempt. */
async function askAsResolvers(
  socket: Socket,
  address: string,
  port: number,
  id: number,
): Promise<{ ms: number; attempt: number } | undefined> {
  const bytes = query("web.weave.local");
  bytes[0] = id >>> 8;
  bytes[1] = id & 255;
  const asked = performance.now();
  for (const attempt of [1, 2]) {
    const answered = await new Promise<boolean>((resolve) => {
      const listen = (reply: Buffer): void => {
        if (reply[0] === bytes[0] && reply[1] === bytes[1] && read(reply).answers?.length === 10) finish(true);
      };
      const finish = (value: boolean): void => {
        clearTimeout(timer);
        socket.off("message", listen);
        resolve(value);
      };
      const timer = setTimeout(() => finish(false), 1000);
      socket.on("message", listen);
      socket.send(bytes, port, address);
    });
    if (answered) return { ms: performance.now() - asked, attempt };
  }
  return undefined;
}

interface Honest {
  readonly answered: number;
  readonly atOnce: number;
  readonly p99: string;
}

/** Asks `times` times, 5 ms apart. */
async function honest(address: string, port: number, times: number): Promise<Honest> {
  const socket = createSocket("udp4");
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  const answers: { ms: number; attempt: number }[] = [];
  for (let i = 0; i < times; i++) {
    const answer = await askAsResolvers(socket, address, port, i);
    if (answer !== undefined) answers.push(answer);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  socket.close();
  const waits = answers
    .filter(({ attempt }) => attempt === 1)
    .map(({ ms }) => ms)
    .sort((x, y) => x - y);
  return {
    answered: answers.length,
    atOnce: waits.length,
    p99: `${waits[Math.floor(waits.length * 0.99)]?.toFixed(1)} ms`,
  };
}

interface FloodResult {
  readonly sent: number;
  readonly sentBytes: number;
  readonly received: number;
  readonly receivedBytes: number;
}

/**
 *     flood: 10,000 addresses of 127.100.0.0/16 ──>┐
 *                                                  ├── server (a process of its own), trusts 127.0.0.0/16
 *     honest client: 127.0.0.1 ──────────────────>─┘
 */
describe("a flood from 10,000 sources", () => {
  it("leaves honest clients answered", async () => {
    const server = start("flood-server.ts");
    const { address, port } = await message<{ address: string; port: number }>(server);
    const calm = await honest(address, port, 100);
    expect(calm.answered).toBe(100);
    const flood = start("flood-source.ts", address, String(port), "10000", "5");
    await message(flood);
    const over = message<FloodResult>(flood);
    const during = await honest(address, port, 200);
    const result = await over;
    const gain = result.receivedBytes / result.sentBytes;
    console.log(
      `${result.sent} hostile packets in 5 s; of 200 honest queries ${during.answered} answered, ${during.atOnce} at the first ` +
        `attempt, p99 of those ${during.p99} (calm: ${calm.p99}); ${gain.toFixed(2)} bytes came back for each hostile one`,
    );
    expect(result.sent).toBeGreaterThan(50_000);
    // On a processor shared with other work some wait longer than a resolver does.
    expect(during.answered).toBeGreaterThanOrEqual(190);
  });
});
