import { execFile, spawn } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import type { Path } from "../../../src/path.ts";
import type { NetworkInterface, OwnedRange, RouteTable } from "../../../src/ports.ts";
import { rangesToCidrs } from "../../../src/ranges.ts";

const run = promisify(execFile);

/** A host of the lab: its number is its peer name, `10.32.<n>.0/24` its containers' range. */
export interface LabHost {
  readonly n: number;
  /** 0 or 1. */
  readonly subnet: number;
  readonly address: string;
  readonly eni: string;
}

/** What passed the router; a packet counts once for each interface it crossed. */
export interface Seen {
  readonly native: number;
  readonly encapsulated: number;
  /** Outer addresses of encapsulated packets. */
  readonly pairs: readonly (readonly [string, string])[];
}

/**
 * A VPC from namespaces:
 * ```
 *  c1 - h1 --+                    +-- h2 - c2      c: container 10.32.n.2, h: host 172.31.s.10+n
 *  c3 - h3 --+-- s0 [router] s1 --+-- h4 - c4      router: one kernel table per subnet, filled from EC2's table
 * ```
 * The router's bridges drop what a source/destination check would: frames from or to a port whose address is not its own.
 */
export interface Lab {
  /** Makes the router's kernel follow EC2's tables and interfaces. */
  follow(tables: readonly (RouteTable | undefined)[], interfaces: readonly NetworkInterface[]): Promise<void>;
  /** Sends each range of others on its path: to the subnet's router, straight to the owner, or through VXLAN. */
  route(host: LabHost, paths: readonly { readonly range: OwnedRange; readonly path: Path }[]): Promise<void>;
  /** Pings from each container to each other; returns the pairs without an answer. */
  pingAll(): Promise<string[]>;
  /** Captures at the router while `during` runs: packets between containers, bare and encapsulated. */
  capture(during: () => Promise<unknown>): Promise<Seen>;
  close(): Promise<void>;
}

/** Builds a {@link Lab}; needs root. */
export async function makeLab(hosts: readonly LabHost[]): Promise<Lab> {
  const prefix = `vr${process.pid}`;
  const router = `${prefix}-r`;
  const all = [router, ...hosts.flatMap((host) => [`${prefix}-h${host.n}`, `${prefix}-c${host.n}`])];
  const batch = (netns: string | undefined, lines: readonly string[]) =>
    feed("ip", [...(netns === undefined ? [] : ["-n", netns]), "-batch", "-"], lines.join("\n"));
  const close = async () => {
    for (const name of all) await run("ip", ["netns", "delete", name]).catch(() => undefined);
  };
  try {
    await batch(
      undefined,
      all.map((name) => `netns add ${name}`),
    );
    for (const name of all) await forward(name);
    await batch(router, [
      "link set lo up",
      ...[0, 1].flatMap((s) => [
        `link add s${s} type bridge`,
        `link set s${s} up`,
        `address add 172.31.${s + 1}.1/24 dev s${s}`,
        `rule add iif s${s} lookup ${100 + s}`,
      ]),
    ]);
    for (const host of hosts) await addHost(prefix, host, batch);
    for (const host of hosts) await addTunnels(`${prefix}-h${host.n}`, host, hosts, batch);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    close,
    async follow(tables, interfaces) {
      const byEni = new Map(hosts.map((host) => [host.eni, host]));
      const lines = tables.flatMap((table, s) => [
        `route flush table ${100 + s}`,
        ...(table?.routes ?? []).flatMap(({ destination, eni }) => {
          const target = eni === undefined ? undefined : byEni.get(eni);
          return target === undefined ? [] : [`route add ${destination} via ${target.address} table ${100 + s}`];
        }),
      ]);
      await feed("ip", ["-n", router, "-force", "-batch", "-"], lines.join("\n")).catch(() => undefined);
      const checked = hosts.filter((host) => interfaces.find((eni) => eni.id === host.eni)?.sourceDestCheck !== false);
      await feed("ip", ["netns", "exec", router, "nft", "-f", "-"], checkRules(checked));
    },
    async route(host, paths) {
      const via = (path: Path, peer: number) => {
        if (path === "vpc") return `172.31.${host.subnet + 1}.1`;
        if (path === "overlay") return `169.254.77.${peer} dev ov onlink`;
        return hosts.find(({ n }) => n === peer)?.address ?? "";
      };
      const lines = paths
        .filter(({ range }) => range.peer !== host.n)
        .flatMap(({ range, path }) =>
          rangesToCidrs([range]).map((cidr) => `route add ${cidr} via ${via(path, range.peer)} table 77`),
        );
      await batch(`${prefix}-h${host.n}`, ["route flush table 77", ...lines]);
    },
    async pingAll() {
      const silent: string[] = [];
      const pingFrom = async (from: LabHost) => {
        for (const to of hosts) {
          if (to === from) continue;
          const args = ["netns", "exec", `${prefix}-c${from.n}`, "ping", "-c1", "-W1", "-q", `10.32.${to.n}.2`];
          await run("ip", args).catch(() => silent.push(`${from.n}>${to.n}`));
        }
      };
      await Promise.all(hosts.map(pingFrom));
      return silent.sort();
    },
    capture: (during) => capture(router, during),
  };
}

async function addHost(
  prefix: string,
  { n, subnet, address }: LabHost,
  batch: (netns: string | undefined, lines: readonly string[]) => Promise<void>,
): Promise<void> {
  const [router, host, container] = [`${prefix}-r`, `${prefix}-h${n}`, `${prefix}-c${n}`];
  await batch(router, [`link add p${n} type veth peer name eth0 netns ${host}`, `link set p${n} master s${subnet} up`]);
  await batch(host, [
    "link set lo up",
    `address add ${address}/24 dev eth0`,
    "link set eth0 up",
    `route add default via 172.31.${subnet + 1}.1`,
    `link add cont type veth peer name eth0 netns ${container}`,
    `address add 10.32.${n}.1/24 dev cont`,
    "link set cont up",
    `link add ov address ${mac(n)} type vxlan id 42 local ${address} dstport 4789 nolearning`,
    "link set ov up",
    // What this host learned from its table comes before the default route.
    "rule add to 10.32.0.0/12 lookup 77 priority 100",
    "rule add to 10.32.0.0/12 lookup main suppress_prefixlength 0 priority 99",
  ]);
  await batch(container, [
    `address add 10.32.${n}.2/24 dev eth0`,
    "link set eth0 up",
    `route add default via 10.32.${n}.1`,
  ]);
}

/** A VXLAN without learning: which host a tunnel neighbour is on, is written down. */
async function addTunnels(
  netns: string,
  self: LabHost,
  hosts: readonly LabHost[],
  batch: (netns: string, lines: readonly string[]) => Promise<void>,
): Promise<void> {
  const others = hosts.filter((host) => host !== self);
  await batch(
    netns,
    others.map(({ n }) => `neighbour add 169.254.77.${n} lladdr ${mac(n)} dev ov nud permanent`),
  );
  const fdb = others.map(({ n, address }) => `fdb append ${mac(n)} dev ov dst ${address}`);
  await feed("bridge", ["-n", netns, "-batch", "-"], fdb.join("\n"));
}

function mac(n: number): string {
  return `02:00:00:00:77:${n.toString(16).padStart(2, "0")}`;
}

async function forward(netns: string): Promise<void> {
  const set = ["net.ipv4.ip_forward=1", "net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.default.rp_filter=0"];
  const quiet = ["net.ipv4.conf.all.send_redirects=0", "net.ipv4.conf.default.send_redirects=0"];
  await run("ip", ["netns", "exec", netns, "sysctl", "-q", "-w", ...set, ...quiet]);
}

/** EC2's check for ports that have it on: their own address as source on the way in, as destination on the way out. */
function checkRules(checked: readonly LabHost[]): string {
  const from = checked.map((host) => `iifname p${host.n} ip saddr != ${host.address} drop`);
  const to = checked.map((host) => `oifname p${host.n} ip daddr != ${host.address} drop`);
  return `table bridge check
delete table bridge check
table bridge check {
  chain in { type filter hook prerouting priority 0; ${from.join("; ")} ${from.length > 0 ? ";" : ""} }
  chain out { type filter hook postrouting priority 0; ${to.join("; ")} ${to.length > 0 ? ";" : ""} }
}
`;
}

/** Pinged at the router itself when all else is over: what tcpdump has read up to then is complete. */
const LAST = "127.0.0.77";

async function capture(router: string, during: () => Promise<unknown>): Promise<Seen> {
  const filter = `udp port 4789 or (icmp and net 10.32.0.0/12) or (icmp and host ${LAST})`;
  const child = spawn("ip", ["netns", "exec", router, "tcpdump", "-n", "-l", "-i", "any", filter]);
  let text = "";
  child.stdout.on("data", (chunk) => {
    text += chunk;
  });
  await new Promise<void>((resolve, reject) => {
    child.stderr.on("data", (chunk) => String(chunk).includes("listening on") && resolve());
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`tcpdump ended with ${code}`)));
  });
  await during();
  // tcpdump lets up to a second of packets wait in the kernel's ring, and leaves them there at the end.
  await run("ip", ["netns", "exec", router, "ping", "-c1", "-q", LAST]);
  const end = Date.now() + 10_000;
  while (!text.includes(LAST)) {
    if (Date.now() > end) throw new Error("tcpdump has not seen the last packet within 10 s");
    await delay(20);
  }
  child.removeAllListeners("exit");
  const ended = new Promise((resolve) => child.once("close", resolve));
  child.kill("SIGINT");
  await ended;
  const lines = text.split("\n").filter((line) => line.includes(" IP ") && !line.includes(LAST));
  // Outer packets: `IP 172.31.1.11.40000 > 172.31.2.12.4789: VXLAN`.
  const pairs = lines.flatMap((line) => {
    const match = / IP (172\.31\.\d+\.\d+)\.\d+ > (172\.31\.\d+\.\d+)\.\d+:/.exec(line);
    return match === null ? [] : [[match[1] ?? "", match[2] ?? ""] as const];
  });
  return { native: lines.length - pairs.length, encapsulated: pairs.length, pairs };
}

function feed(command: string, args: readonly string[], input: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ["pipe", "ignore", "pipe"] });
    let errors = "";
    child.stderr.on("data", (chunk) => {
      errors += chunk;
    });
    child.once("error", reject);
    child.once("close", (code) => {
      if (code === 0) resolve();
      else reject(new Error(`${command} ${args.join(" ")}: ${errors}\n${input}`));
    });
    child.stdin.end(`${input}\n`);
  });
}

/** `10.32.<n>.0/24`, owned by peer n. */
export function rangeOf(n: number): OwnedRange {
  const start = 0x0a20_0000 + n * 256;
  return { start, end: start + 256, peer: n };
}
