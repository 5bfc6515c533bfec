/**
 * TCP between containers on two hosts over every path, against raw kernel VXLAN: its rounds alternate with those of the path, since
 * a machine's speed drifts. With WEAVED_ORIGINAL also the original. Needs root. PATHS_ROUNDS (5), PATHS_SECONDS (2), PATHS_ONLY
 * (names, joined by ;).
 */
import { readFileSync } from "node:fs";
import { type Lab, makeLab, sh, shAsync, startPeer, until } from "../test/host/lab.ts";
import { originalFolder, startOriginal } from "../test/host/original.ts";

const ROUNDS = Number(process.env.PATHS_ROUNDS ?? 5);
const SECONDS = Number(process.env.PATHS_SECONDS ?? 2);
const ONLY = process.env.PATHS_ONLY?.split(";");

interface Result {
  readonly path: string;
  readonly gbit: number;
  /** Raw kernel VXLAN's, in the rounds between. */
  readonly rawGbit: number;
  readonly cpuPerGbit: number;
  readonly rttUs: number;
  readonly rtt99Us: number;
  /** While a TCP stream fills the path. */
  readonly loadedUs: number;
  readonly loaded99Us: number;
  readonly packetsPerSecond: number;
  readonly rssMb: number;
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

/** Seconds of CPU that processes have used. A machine is rarely idle otherwise, so only those that take part count. */
function cpuSeconds(pids: readonly number[]): number {
  let ticks = 0;
  for (const pid of pids) {
    const [, ...fields] = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ");
    const [user, system] = fields.join(") ").split(" ").slice(11, 13).map(Number);
    ticks += (user ?? 0) + (system ?? 0);
  }
  return ticks / 100;
}

/** Microseconds, sorted. */
async function roundTrips(c1: string, to: string, options: string): Promise<number[]> {
  const pings = await shAsync(`${c1} ping ${options} ${to} || true`);
  return [...pings.matchAll(/time=([\d.]+)/g)].map((m) => Number(m[1]) * 1000).sort((a, b) => a - b);
}
const p99 = (sorted: readonly number[]): number => sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN;

/** Who forwards, and what memory they need. */
interface Forwarders {
  readonly pids: readonly number[];
  readonly rss: () => Promise<number>;
}

/** One stream from a lab's first container to its second. `cpu`: seconds that both ends of iperf3 used. */
async function tcp(lab: Lab, to: string): Promise<{ gbitPerSecond: number; gbit: number; cpu: number }> {
  await shAsync(`ip netns exec ${lab.container(2)} iperf3 -s -D -1`);
  const client = `ip netns exec ${lab.container(1)} timeout 60 iperf3 -J -c ${to} -t ${SECONDS}`;
  const { end } = JSON.parse(await shAsync(`sleep 0.2; ${client}`));
  const { host_total, remote_total } = end.cpu_utilization_percent;
  return {
    gbitPerSecond: end.sum_received.bits_per_second / 1e9,
    gbit: (end.sum_received.bytes * 8) / 1e9,
    cpu: ((host_total + remote_total) / 100) * end.sum_sent.seconds,
  };
}

async function measure(lab: Lab, path: string, { pids, rss }: Forwarders, to = "10.32.0.2"): Promise<Result> {
  const c1 = `ip netns exec ${lab.container(1)}`;
  const c2 = `ip netns exec ${lab.container(2)}`;
  const gbits: number[] = [];
  const rawGbits: number[] = [];
  let cpu = 0;
  let gbit = 0;
  for (let i = 0; i < ROUNDS; i++) {
    const before = cpuSeconds(pids);
    const stream = await tcp(lab, to);
    cpu += stream.cpu + cpuSeconds(pids) - before;
    gbit += stream.gbit;
    gbits.push(stream.gbitPerSecond);
    rawGbits.push((await tcp(reference, "10.32.0.2")).gbitPerSecond);
  }
  await shAsync(`${c2} iperf3 -s -D -1`);
  // iperf3's own control connection may starve under a flood: then there is no figure.
  const udp = JSON.parse(await shAsync(`sleep 0.2; ${c1} timeout 60 iperf3 -J -u -b 0 -l 64 -c ${to} -t 2 || true`)).end
    ?.sum;
  const packetsPerSecond = udp === undefined ? Number.NaN : (udp.packets - udp.lost_packets) / udp.seconds;
  await shAsync(`for p in $(ip netns pids ${lab.container(2)}); do kill -9 $p; done`);
  const idle = await roundTrips(c1, to, "-c 300 -i 0.005");
  await shAsync(`${c2} iperf3 -s -D -1`);
  const flow = shAsync(`sleep 0.2; ${c1} timeout 60 iperf3 -c ${to} -t 4`);
  const loaded = await roundTrips(c1, to, "-c 300 -i 0.01 -w 4");
  await flow;
  return {
    path,
    gbit: median(gbits),
    rawGbit: median(rawGbits),
    cpuPerGbit: cpu / gbit,
    rttUs: median(idle),
    rtt99Us: p99(idle),
    loadedUs: median(loaded),
    loaded99Us: p99(loaded),
    packetsPerSecond,
    rssMb: (await rss()) / 2 ** 20,
  };
}

const kernel: Forwarders = { pids: [], rss: () => Promise.resolve(Number.NaN) };
const prefix = `tb${process.pid}`;

/** The kernel's VXLAN between two bridges, as an administrator would set it up by hand. */
function makeReference(): Lab {
  const lab = makeLab({ prefix: `${prefix}r`, hosts: 2 });
  for (const i of [1, 2]) {
    const tunnel = `id 7 dstport 4789 remote 10.99.0.${3 - i} local 10.99.0.${i} dev eth0 df set udpcsum`;
    sh(`ip -n ${lab.host(i)} link add vx type vxlan ${tunnel}
      ip -n ${lab.host(i)} link set vx mtu 1376 master weave up`);
  }
  return lab;
}

/** No tunnel, no bridge: the hosts route. */
async function veth(): Promise<Result> {
  const lab = makeLab({ prefix, hosts: 2 });
  try {
    for (const i of [1, 2]) {
      const [h, c] = [lab.host(i), lab.container(i)];
      sh(`ip -n ${h} link set vc${i} nomaster; ip -n ${h} addr add 10.40.${i}.1/24 dev vc${i}
        ip -n ${c} addr add 10.40.${i}.2/24 dev eth0; ip -n ${c} route add default via 10.40.${i}.1
        ip netns exec ${h} sysctl -qw net.ipv4.ip_forward=1
        ip -n ${h} route add 10.40.${3 - i}.0/24 via 10.99.0.${3 - i}`);
    }
    return await measure(lab, "raw veth", kernel, "10.40.2.2");
  } finally {
    lab.close();
  }
}

async function ours(path: string, overlays: string, password?: string): Promise<Result> {
  const lab = makeLab({ prefix, hosts: 2 });
  try {
    const secret = password === undefined ? {} : { password };
    const a = await startPeer({ ns: lab.host(1), name: 0x0a0000000001, overlays, ...secret });
    const b = await startPeer({ ns: lab.host(2), name: 0x0a0000000002, overlays, dial: [lab.address(1)], ...secret });
    for (const peer of [a, b])
      await until(
        path,
        async () => (await peer.status()).links.find((link) => link.overlay === overlays.split(" ")[0]),
        30_000,
      );
    await shAsync(`ip netns exec ${lab.container(1)} ping -c 3 -i 0.3 10.32.0.2`);
    const pids = [a, b].map((peer) => peer.process.pid as number);
    return await measure(lab, path, { pids, rss: async () => (await a.status()).rss });
  } finally {
    lab.close();
  }
}

function residentBytes(pid: number): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? Number.NaN) * 1024;
}

async function theirs(password?: string): Promise<Result> {
  const lab = makeLab({ prefix, hosts: 2, bare: [1, 2] });
  const secret = password === undefined ? {} : { password };
  const peers = [
    await startOriginal({ ns: lab.host(1), name: "0a:00:00:00:00:01", ...secret }),
    await startOriginal({ ns: lab.host(2), name: "0a:00:00:00:00:02", dial: [lab.address(1)], ...secret }),
  ];
  try {
    for (const i of [1, 2]) sh(`ip -n ${lab.host(i)} link set vc${i} master weave`);
    await until(
      "ping",
      async () =>
        (await shAsync(`ip netns exec ${lab.container(1)} ping -c 1 -W 1 10.32.0.2 || true`)).includes(
          " 0% packet loss",
        ),
      30_000,
    );
    const pids = peers.map((peer) => peer.process.pid as number);
    const rss = (): Promise<number> => Promise.resolve(residentBytes(pids[0] as number));
    return await measure(lab, `original sleeve${password ? ", encrypted" : ""}`, { pids, rss });
  } finally {
    await Promise.all(peers.map((peer) => peer.stop()));
    lab.close();
  }
}

const all: [string, () => Promise<Result>][] = [
  ["raw veth", veth],
  ["raw kernel vxlan", () => measure(reference, "raw kernel vxlan", kernel)],
  ["vxlan", () => ours("vxlan", "vxlan sleeve-gso sleeve")],
  ["sleeve-gso", () => ours("sleeve-gso", "sleeve-gso sleeve")],
  ["sleeve-gso, encrypted", () => ours("sleeve-gso, encrypted", "sleeve-gso sleeve", "s3cret")],
  ["sleeve", () => ours("sleeve", "sleeve")],
  ["sleeve, encrypted", () => ours("sleeve, encrypted", "sleeve", "s3cret")],
];
if (originalFolder !== undefined)
  all.splice(2, 0, ["original sleeve", () => theirs()], ["original sleeve, encrypted", () => theirs("s3cret")]);

const reference = makeReference();
const results: Result[] = [];
console.log(
  "path                       Gbit/s  of raw vxlan  of original  CPU s/Gbit  RTT us  p99 us  loaded     p99  64-byte pkt/s  RSS MB",
);
/** Of raw kernel VXLAN. */
const ratio = ({ gbit, rawGbit }: Result): number => gbit / rawGbit;
function print(r: Result): void {
  const original = results.find(
    ({ path }) => path === `original sleeve${r.path.includes("encrypted") ? ", encrypted" : ""}`,
  );
  console.log(
    r.path.padEnd(26),
    r.gbit.toFixed(2).padStart(6),
    ratio(r).toFixed(2).padStart(13),
    (original ? (ratio(r) / ratio(original)).toFixed(1) : "-").padStart(12),
    r.cpuPerGbit.toFixed(3).padStart(11),
    r.rttUs.toFixed(0).padStart(7),
    r.rtt99Us.toFixed(0).padStart(7),
    r.loadedUs.toFixed(0).padStart(7),
    r.loaded99Us.toFixed(0).padStart(7),
    r.packetsPerSecond.toFixed(0).padStart(14),
    r.rssMb.toFixed(0).padStart(7),
  );
}
try {
  for (const [name, run] of all) {
    if (ONLY !== undefined && !ONLY.includes(name)) continue;
    results.push(await run());
    print(results.at(-1)!);
  }
} finally {
  reference.close();
}
process.exit(0);
