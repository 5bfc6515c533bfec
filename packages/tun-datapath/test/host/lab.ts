import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { DatapathStatus } from "../../src/node/api.ts";

/**
 * Hosts as namespaces, joined by a bridge in a namespace of its own, a container on each.
 *
 * ```text
 *   c1 --veth-- [weave bridge, TAP, vxlan]  h1 --veth--+-- [underlay bridge] --+--veth-- h2  [weave bridge ...] --veth-- c2
 *   10.32.0.1                        10.99.0.1                                 10.99.0.2                        10.32.0.2
 * ```
 */
const run = promisify(execFile);

export function sh(line: string): string {
  return execFileSync("sh", ["-ec", line], { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}
export async function shAsync(line: string, timeoutMs = 60_000): Promise<string> {
  const { stdout } = await run("sh", ["-ec", line], { timeout: timeoutMs, maxBuffer: 64 << 20 });
  return stdout;
}

/** Waits until `test` gives something truthy. */
export async function until<T>(what: string, test: () => T | Promise<T>, timeoutMs = 15_000): Promise<NonNullable<T>> {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const value = await test();
    if (value) return value as NonNullable<T>;
    if (Date.now() > end) throw new Error(`${what}: not within ${timeoutMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

export interface LabOptions {
  readonly prefix: string;
  readonly hosts: number;
  readonly underlayMtu?: number;
  readonly containerMtu?: number;
  /** Hosts that get no bridge: Weave Net 2.8 makes its own. */
  readonly bare?: readonly number[];
}

export interface Lab {
  readonly prefix: string;
  host(i: number): string;
  container(i: number): string;
  address(i: number): string;
  close(): void;
}

export function makeLab({ prefix, hosts, underlayMtu = 1500, containerMtu = 1376, bare = [] }: LabOptions): Lab {
  const name = (kind: string, i: number): string => `${prefix}${kind}${i}`;
  const all = [`${prefix}u`];
  for (let i = 1; i <= hosts; i++) all.push(name("h", i), name("c", i));
  const close = (): void => {
    for (const ns of all) {
      try {
        sh(`for p in $(ip netns pids ${ns} 2>/dev/null); do kill -9 $p; done; ip netns del ${ns} 2>/dev/null || true`);
      } catch {
        // It was never made.
      }
    }
  };
  close();
  for (const ns of all) sh(`ip netns add ${ns}; ip -n ${ns} link set lo up`);
  sh(`ip -n ${prefix}u link add br0 type bridge; ip -n ${prefix}u link set br0 mtu ${underlayMtu} up`);
  for (let i = 1; i <= hosts; i++) {
    const h = name("h", i);
    const c = name("c", i);
    sh(`ip -n ${h} link add eth0 mtu ${underlayMtu} type veth peer name p${i} mtu ${underlayMtu} netns ${prefix}u
      ip -n ${prefix}u link set p${i} master br0 up
      ip -n ${h} addr add 10.99.0.${i}/24 dev eth0; ip -n ${h} link set eth0 up
      ip netns exec ${h} sysctl -qw net.ipv6.conf.all.disable_ipv6=1
      ip netns exec ${c} sysctl -qw net.ipv6.conf.all.disable_ipv6=1
      ip -n ${c} link add eth0 mtu ${containerMtu} type veth peer name vc${i} mtu ${containerMtu} netns ${h}
      ip -n ${h} link set vc${i} up
      ip -n ${c} addr add 10.32.0.${i}/16 dev eth0; ip -n ${c} link set eth0 up`);
    // Weave Net 2.8 captures frames before a card would fill in their checksums, so its containers do that themselves.
    if (bare.includes(i)) sh(`ip netns exec ${c} ethtool -K eth0 tx off >/dev/null`);
    else
      sh(
        `ip -n ${h} link add weave type bridge; ip -n ${h} link set weave mtu ${containerMtu} up; ip -n ${h} link set vc${i} master weave`,
      );
  }
  return {
    prefix,
    host: (i) => name("h", i),
    container: (i) => name("c", i),
    address: (i) => `10.99.0.${i}`,
    close,
  };
}

export interface PeerOptions {
  readonly ns: string;
  readonly name: number;
  readonly dial?: readonly string[];
  readonly password?: string;
  readonly discovery?: boolean;
  readonly overlays?: string;
  readonly mtu?: number;
  readonly trusted?: readonly string[];
}

/** What a peer tells of itself. */
export interface PeerStatus extends DatapathStatus {
  readonly connections: readonly { readonly address: string; readonly state: string; readonly info: string }[];
  readonly rss: number;
}

/** A data path in a process of its own, joined to others by a stand-in for the mesh. */
export interface Peer {
  readonly process: ChildProcess;
  status(): Promise<PeerStatus>;
  send(message: object): void;
  stop(): Promise<void>;
}

export async function startPeer(options: PeerOptions): Promise<Peer> {
  const script = fileURLToPath(new URL("./peer.ts", import.meta.url));
  const child = spawn(
    "ip",
    [
      "netns",
      "exec",
      options.ns,
      process.execPath,
      "--import",
      "tsx",
      "--conditions=@weaved/source",
      script,
      JSON.stringify(options),
    ],
    {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
      env: { ...process.env, NODE_OPTIONS: "" },
    },
  );
  const answers = new Map<number, (status: PeerStatus) => void>();
  let ready = false;
  let next = 1;
  child.on("message", (message: { ready?: boolean; id?: number; status?: PeerStatus }) => {
    if (message.ready) ready = true;
    if (message.id !== undefined && message.status) answers.get(message.id)?.(message.status);
  });
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  await until("peer ready", () => {
    if (child.exitCode !== null) throw new Error(`peer ended with ${child.exitCode}`);
    return ready;
  });
  return {
    process: child,
    status() {
      const id = next++;
      child.send({ id });
      return new Promise((resolve) => answers.set(id, resolve));
    },
    send: (message) => void child.send(message),
    async stop() {
      if (child.exitCode === null && child.connected) child.send({ stop: true });
      await exited;
    },
  };
}

/** Figures of a spoilt wire. */
export interface WireCounts {
  readonly frames: number;
  readonly lost: number;
  readonly twice: number;
  readonly late: number;
}

/** Puts a wire that loses, repeats, reorders before host `i`: it gets a bridge of its own, joined by wire.ts. */
export async function spoilWire(lab: Lab, i: number, seed: number): Promise<() => Promise<WireCounts>> {
  const u = `${lab.prefix}u`;
  const script = fileURLToPath(new URL("./wire.ts", import.meta.url));
  const node = [process.execPath, "--import", "tsx", "--conditions=@weaved/source", script, "near0", "far0", `${seed}`];
  const child = spawn("ip", ["netns", "exec", u, ...node], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
    env: { ...process.env, NODE_OPTIONS: "" },
  });
  let ready = false;
  let counts: WireCounts | undefined;
  child.on("message", (message: { ready?: boolean; counts?: WireCounts }) => {
    ready ||= message.ready === true;
    counts = message.counts ?? counts;
  });
  await until("the wire", () => ready);
  sh(`ip -n ${u} link add br1 type bridge; ip -n ${u} link set br1 mtu 1500 up
    ip -n ${u} link set p${i} master br1
    ip -n ${u} link set near0 master br0 up; ip -n ${u} link set far0 master br1 up`);
  return () => {
    counts = undefined;
    child.send({});
    return until("the wire's figures", () => counts);
  };
}
