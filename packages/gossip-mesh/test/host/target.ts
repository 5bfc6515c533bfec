/** A peer under attack: a process of its own, so that its memory can be measured, on loopback addresses of its own. */
import { spawn } from "node:child_process";
import { connect, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { systemRandom } from "../../src/node/index.ts";
import { randomUint64 } from "../../src/random-id.ts";
import type { Json } from "./lab.ts";

export const TARGET = "127.0.7.1";
export const PORT: number = 20_000 + (process.pid % 10_000);
export const PASSWORD = "wfvAwt7sj";

/** The peer under attack. */
export interface Target {
  ask(command: string): Promise<Json>;
  /** Log lines that contain a text, since `mark`. */
  lines(text: string): string[];
  /** Forgets the log so far. */
  mark(): void;
  stop(): Promise<void>;
}

export async function startTarget(): Promise<Target> {
  const script = fileURLToPath(new URL("./peer.ts", import.meta.url));
  const options = { name: 1, nickname: "target", host: TARGET, port: PORT, password: PASSWORD, plain: true };
  const flags = ["--expose-gc", "--import", "tsx", "--conditions=@weaved/source"];
  const child = spawn(process.execPath, [...flags, script, JSON.stringify(options)], {
    stdio: ["pipe", "pipe", "pipe"],
  });
  let log = "";
  child.stderr.on("data", (bytes) => {
    log += bytes;
  });
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<string> => {
    const { value, done } = await answers.next();
    if (done) throw new Error(`the target has gone: ${log.slice(-2000)}`);
    return value;
  };
  await next();
  return {
    async ask(command) {
      child.stdin.write(`${command}\n`);
      return JSON.parse(await next());
    },
    lines: (text) => log.split("\n").filter((line) => line.includes(text)),
    mark: () => {
      log = "";
    },
    async stop() {
      child.kill("SIGKILL");
      await exited;
    },
  };
}

/** A raw connection to the target from some loopback address. Resolves when it is up, or was refused at once. */
export function attack(from: string): Promise<Socket> {
  return new Promise((resolve) => {
    const socket = connect({ host: TARGET, port: PORT, localAddress: from });
    socket.on("error", () => resolve(socket));
    socket.on("connect", () => resolve(socket));
  });
}

/** Resolves when the other side has ended it. */
export function ended(socket: Socket): Promise<void> {
  socket.resume();
  return new Promise((resolve) => {
    if (socket.closed) resolve();
    else socket.once("close", () => resolve());
  });
}

/** An id for a feature map. */
export function freshId(): string {
  return String(randomUint64(systemRandom()));
}
