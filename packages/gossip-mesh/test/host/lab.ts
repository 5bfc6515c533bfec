/**
 * Hosts on one switch, each a network namespace:
 *
 * ```
 *   ns 1 (10.77.0.1)     ns 2 (10.77.0.2)     ns 3 (10.77.0.3)   ...
 *        eth0                 eth0                 eth0
 *         |                    |                    |
 *         +-------- bridge in the lab's namespace --+
 * ```
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const ip = (...args: string[]) => execFileSync("ip", args, { stdio: ["ignore", "pipe", "pipe"] }).toString();

/** What two programs report; a wrong guess at its shape fails the test. */
// biome-ignore lint/suspicious/noExplicitAny: as said above
export type Json = any;

/** A peer of ours in a namespace. */
export interface OurPeer {
  ask(command: string): Promise<Json>;
  log(): string;
  stop(): Promise<void>;
}

/** A peer of the original's in a namespace. */
export interface TheirPeer {
  report(): Json;
  post(path: string, body: string): void;
  log(): string;
  stop(): Promise<void>;
}

export class Lab {
  readonly #prefix = `gm${process.pid}`;
  readonly #dir = mkdtempSync(join(tmpdir(), "gossip-mesh-lab-"));
  readonly #namespaces: string[] = [];
  readonly #children = new Set<ChildProcess>();
  readonly #original: string;

  constructor(hosts: number, original: string) {
    this.#original = original;
    const hub = `${this.#prefix}-hub`;
    this.#add(hub);
    ip("-n", hub, "link", "add", "br0", "type", "bridge");
    ip("-n", hub, "link", "set", "br0", "up");
    for (let n = 1; n <= hosts; n++) {
      const name = `${this.#prefix}-${n}`;
      this.#add(name);
      ip("link", "add", `p${n}`, "netns", hub, "type", "veth", "peer", "name", "eth0", "netns", name);
      ip("-n", hub, "link", "set", `p${n}`, "master", "br0", "up");
      ip("-n", name, "addr", "add", `10.77.0.${n}/24`, "dev", "eth0");
      ip("-n", name, "link", "set", "eth0", "up");
      ip("-n", name, "link", "set", "lo", "up");
    }
  }

  #add(name: string): void {
    ip("netns", "add", name);
    this.#namespaces.push(name);
  }

  #spawn(n: number, command: string, args: readonly string[], cwd: string = process.cwd()) {
    const child = spawn("ip", ["netns", "exec", `${this.#prefix}-${n}`, command, ...args], {
      stdio: ["pipe", "pipe", "pipe"],
      cwd,
    });
    this.#children.add(child);
    let log = "";
    child.stderr.on("data", (bytes) => {
      log = (log + bytes).slice(-2_000_000);
    });
    const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    const stop = async (): Promise<void> => {
      child.kill("SIGKILL");
      await exited;
      this.#children.delete(child);
    };
    return { child, log: () => log, stop };
  }

  /** Starts one of ours on host `n`, called n. */
  async ours(n: number, options: object = {}): Promise<OurPeer> {
    const script = fileURLToPath(new URL("./peer.ts", import.meta.url));
    const json = JSON.stringify({ name: n, nickname: `ours${n}`, ...options });
    const { child, log, stop } = this.#spawn(n, process.execPath, [
      "--import",
      "tsx",
      "--conditions=@weaved/source",
      script,
      json,
    ]);
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const next = async (): Promise<string> => {
      const { value, done } = await lines.next();
      if (done) throw new Error(`our peer ${n} has gone: ${log()}`);
      return value;
    };
    await next();
    return {
      log,
      stop,
      async ask(command) {
        child.stdin.write(`${command}\n`);
        return JSON.parse(await next());
      },
    };
  }

  /** Starts one of the original's on host `n`, called n. */
  async theirs(n: number, args: readonly string[] = []): Promise<TheirPeer> {
    const name = `00:00:00:00:00:${n.toString(16).padStart(2, "0")}`;
    const fixed = [
      `--name=${name}`,
      `--nickname=theirs${n}`,
      "--docker-api=",
      "--no-dns",
      "--no-fastdp",
      "--ipalloc-range=",
    ];
    // The original leaves a file in its working directory, and dials other peers than told where it finds one.
    const home = mkdtempSync(join(this.#dir, `host${n}-`));
    const more = ["--http-addr=127.0.0.1:6784", `--db-prefix=${join(home, "db")}`, "--log-level=info"];
    const { log, stop } = this.#spawn(n, join(this.#original, "weaver"), [...fixed, ...more, ...args], home);
    const curl = (...rest: string[]): string =>
      execFileSync("ip", ["netns", "exec", `${this.#prefix}-${n}`, "curl", "-sf", "-m", "5", ...rest], {
        stdio: ["ignore", "pipe", "ignore"],
      }).toString();
    const url = "http://127.0.0.1:6784";
    const report = (): Json => JSON.parse(curl("-H", "Accept: application/json", `${url}/report`));
    await until(() => {
      if (/FATA/.test(log())) throw new Error(`the original did not start: ${log().split("\n").at(-2)}`);
      return report().Router !== undefined;
    }, 20_000);
    return { log, stop, report, post: (path, body) => void curl("-d", body, `${url}${path}`) };
  }

  async close(): Promise<void> {
    for (const child of this.#children) child.kill("SIGKILL");
    for (const name of this.#namespaces) ip("netns", "del", name);
    rmSync(this.#dir, { recursive: true, force: true });
  }
}

/** Waits for a condition; one that throws does not hold yet, unless it says that it never will. */
export async function until(condition: () => unknown, timeoutMs: number): Promise<void> {
  const end = Date.now() + timeoutMs;
  for (let last: unknown; ; ) {
    try {
      if (await condition()) return;
    } catch (error) {
      if (error instanceof Error && error.message.startsWith("the original did not start")) throw error;
      last = error;
    }
    if (Date.now() > end) throw new Error(`not within ${timeoutMs} ms: ${condition}`, { cause: last });
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** A topology in one form, whoever reports it: name -> "version uid: to/established ...". */
export function topologyOf(status: Json): Record<string, string> {
  const peers = status.Router
    ? status.Router.Peers.map((p: Json) => ({
        name: Number(`0x${p.Name.replaceAll(":", "")}`),
        version: String(p.Version),
        shortId: p.ShortID,
        links: (p.Connections ?? []).map(
          (c: Json) => `${Number(`0x${c.Name.replaceAll(":", "")}`)}/${c.Address}/${c.Outbound}/${c.Established}`,
        ),
      }))
    : status.peers.map((p: Json) => ({
        ...p,
        links: p.connections.map((c: Json) => `${c.name}/${c.address}/${c.outbound}/${c.established}`),
      }));
  return Object.fromEntries(
    peers.map((p: Json) => [p.name, `v${p.version} #${p.shortId} ${p.links.sort().join(" ")}`]),
  );
}
