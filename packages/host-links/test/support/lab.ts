import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

/** busybox's nc listens on all addresses only. */
const answer = fileURLToPath(new URL("./answer.mjs", import.meta.url));

/** Whether this process may make namespaces. */
export const root = process.getuid?.() === 0;

/** Runs a command; its output. Throws with its complaint where it fails. */
export function run(file: string, ...args: string[]): string {
  return execFileSync(file, args, { encoding: "utf8", stdio: "pipe" });
}

/** Runs a command in a namespace. */
export function within(netns: string, ...argv: string[]): string {
  return run("ip", "netns", "exec", netns, ...argv);
}

/** Whether a command in a namespace succeeds. Leaves this process free to do its work meanwhile. */
export function succeeds(netns: string, ...argv: string[]): Promise<boolean> {
  return new Promise((resolve) => execFile("ip", ["netns", "exec", netns, ...argv], (error) => resolve(!error)));
}

/** Whether one ping of a second is answered. */
export function pings(netns: string, address: string, ...options: string[]): Promise<boolean> {
  return succeeds(netns, "ping", "-c1", "-W1", ...options, address);
}

/** Waits until something is so; how long it took, in milliseconds. */
export async function until(
  what: string,
  check: () => boolean | Promise<boolean>,
  timeoutMs = 30_000,
): Promise<number> {
  const start = performance.now();
  while (!(await check())) {
    if (performance.now() - start > timeoutMs) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return performance.now() - start;
}

let labs = 0;

/** Namespaces of one test file, and what runs in them. */
export interface Lab {
  /** The namespace of a name, unique on this machine. */
  netns(name: string): string;
  /** Its path. */
  path(name: string): string;
  /** Joins two namespaces by a veth pair. */
  wire(a: readonly [name: string, ifname: string, address?: string | undefined], b: typeof a): void;
  /** Runs a program until the lab ends. */
  start(name: string, ...argv: string[]): ChildProcess;
  /** Answers a TCP port with a word. */
  serve(name: string, port: number, word: string, address?: string): ChildProcess;
  /** What a TCP port answers; empty when nothing comes within two seconds. */
  ask(name: string, address: string, port: number): Promise<string>;
  end(): void;
}

/** Makes namespaces; their loopbacks are up. */
export function createLab(names: readonly string[]): Lab {
  const prefix = `hl${process.pid}${String.fromCharCode(97 + labs++)}`;
  const netns = (name: string) => `${prefix}${name}`;
  const running = new Set<ChildProcess>();
  for (const name of names) {
    run("ip", "netns", "add", netns(name));
    within(netns(name), "ip", "link", "set", "lo", "up");
  }
  const start: Lab["start"] = (name, ...argv) => {
    const child = spawn("nsenter", [`--net=/run/netns/${netns(name)}`, "--", ...argv], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    running.add(child);
    return child;
  };
  return {
    netns,
    path: (name) => `/run/netns/${netns(name)}`,
    wire(a, b) {
      run("ip", "link", "add", a[1], "netns", netns(a[0]), "type", "veth", "peer", "name", b[1], "netns", netns(b[0]));
      for (const [name, ifname, address] of [a, b]) {
        if (address) within(netns(name), "ip", "address", "add", address, "dev", ifname);
        within(netns(name), "ip", "link", "set", "dev", ifname, "up");
      }
    },
    start,
    serve: (name, port, word, address) =>
      address === undefined
        ? start(name, "busybox", "nc", "-ll", "-p", `${port}`, "-e", "echo", word)
        : start(name, process.execPath, answer, address, `${port}`, word),
    ask: (name, address, port) =>
      new Promise((resolve) => {
        const argv = ["netns", "exec", netns(name), "busybox", "timeout", "2", "busybox", "nc", address, `${port}`];
        execFile("ip", argv, (error, stdout) => resolve(error ? "" : stdout.trim()));
      }),
    end() {
      for (const child of running) child.kill("SIGKILL");
      for (const name of names) run("ip", "netns", "delete", netns(name));
    },
  };
}
