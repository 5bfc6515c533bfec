import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sh, until } from "./lab.ts";

/** Folder with the programs of Weave Net 2.8, if the environment names one. */
export const originalFolder: string | undefined = process.env.WEAVED_ORIGINAL;

/**
 * The router of Weave Net 2.8 makes a device of kind "dummy" for a moment, to widen its bridge. Kernels without that kind make
 * it give up, so there it runs from a copy that asks for a "veth" instead: the name of the kind is the only change.
 */
function runnable(program: string, folder: string): string {
  try {
    sh("ip link add wddummy type dummy; ip link del wddummy");
    return program;
  } catch {
    const bytes = readFileSync(program);
    const at = bytes.indexOf("causedummy/auth");
    if (at < 0) return program;
    bytes.write("veth\0", at + 5, "latin1");
    const copy = join(folder, "weaver");
    writeFileSync(copy, bytes);
    chmodSync(copy, 0o755);
    return copy;
  }
}

export interface OriginalOptions {
  /** Its namespace must not have a bridge yet: it makes its own. */
  readonly ns: string;
  readonly name: string;
  readonly dial?: readonly string[];
  readonly password?: string;
  readonly mtu?: number;
}

export interface Original {
  readonly process: ChildProcess;
  readonly log: string;
  /** Text of `status connections`. */
  connections(): string;
  stop(): Promise<void>;
}

/** Starts the router of Weave Net 2.8 with its capture of packets, no fast path, in a namespace. */
export async function startOriginal({ ns, name, dial = [], password, mtu }: OriginalOptions): Promise<Original> {
  const folder = mkdtempSync(join(tmpdir(), "wd-original-"));
  const program = runnable(join(originalFolder as string, "weaver"), folder);
  const log = join(folder, "log");
  const out = openSync(log, "w");
  const args = [
    "--no-fastdp",
    "--no-dns",
    "--port",
    "6783",
    "--name",
    name,
    "--nickname",
    `orig-${name.slice(-2)}`,
    "--docker-api",
    "",
    "--db-prefix",
    join(folder, "w"),
    "--http-addr",
    "127.0.0.1:6784",
    "--status-addr",
    "",
    "--ipalloc-range",
    "",
  ];
  if (password) args.push("--password", password);
  if (mtu) args.push("--mtu", String(mtu));
  const child = spawn("ip", ["netns", "exec", ns, program, ...args, ...dial], {
    stdio: ["ignore", out, out],
    cwd: folder,
  });
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  await until("the bridge of Weave Net 2.8", () => {
    if (child.exitCode !== null) throw new Error(`Weave Net 2.8 ended:\n${readFileSync(log, "utf8")}`);
    return existsSync(log) && sh(`ip -n ${ns} -br link show type veth`).includes("vethwe-pcap");
  });
  return {
    process: child,
    log,
    connections: () => sh(`ip netns exec ${ns} curl -s http://127.0.0.1:6784/status/connections || true`),
    async stop() {
      child.kill("SIGKILL");
      await exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
