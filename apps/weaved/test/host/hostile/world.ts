import { type LabHost, type Place, waitFor } from "@weaved/netlab";
import { type Cluster, establishedOf, type Node, startCluster } from "../e2e/cluster.ts";
import { ethernet, marker, markerType } from "./frames.ts";

/**
 * Two members with a password and containers, and a stranger on the same switch:
 *
 *   a: c1, c2     b: c1     x: no daemon, no password
 */
export interface World extends AsyncDisposable {
  readonly cluster: Cluster;
  readonly a: Node;
  readonly b: Node;
  readonly stranger: LabHost;
  /** The address of a's first container. */
  readonly target: string;
  /** The addresses of a's second container and of b's. */
  readonly own: string;
  readonly neighbour: string;
  /** What a member has suffered since the world began: why an attack got through; undefined when nothing has. */
  harm(): Promise<string | undefined>;
  /** Marked frames, or those of another filter of tcpdump, that a's first container has seen while `attack` ran. */
  arrivals(attack: () => Promise<void>, filter?: string): Promise<number>;
}

const password = "correct horse battery staple 42";

/** Starts the world; it ends with `await using`. */
export async function openWorld(): Promise<World> {
  const flags = [`--password=${password}`, "--status-addr=127.0.0.1:6782"];
  const cluster = await startCluster({ hosts: ["a", "b", "x"], start: ["a", "b"], containers: 2, all: { flags } });
  const [a, b] = [cluster.node("a"), cluster.node("b")];
  await cluster.linked(1, ["a", "b"]);
  // By the command, so that the rules of real attachments hold.
  const attach = async (node: Node, container: string) =>
    (await node.weave("attach", node.reference(container))).trim();
  const target = await attach(a, "c1");
  await a.call("PUT", `/name/c1/${target}`, { form: [["fqdn", "target.weave.local"]] });
  const own = await attach(a, "c2");
  const neighbour = await attach(b, "c1");
  const ping = async () => (await b.container("c1").ping(target, { count: 5, waitMs: 2000 })).received;
  await waitFor("the containers reach each other", async () => (await ping()) === 5, 30_000);
  const daemons = [a.daemon, b.daemon];
  return {
    cluster,
    a,
    b,
    stranger: cluster.lab.host("x"),
    target,
    own,
    neighbour,
    async harm() {
      for (const { name, code } of daemons) if (code !== undefined) return `${name} ended with ${code}`;
      if ((await establishedOf(a)) !== 1) return "the link is down";
      if ((await a.resolve("target.weave.local")).join() !== target) return "the DNS server does not answer this host";
      return (await ping()) === 5 ? undefined : "pings are lost";
    },
    async arrivals(attack, filter = `ether proto ${markerType}`) {
      const capture = await a.container("c1").capture({ device: "ethwe", filter });
      await attack();
      return (await capture.stop()).packets;
    },
    [Symbol.asyncDispose]: () => cluster.close(),
  };
}

/** Sends Ethernet frames from a place: each datagram that socat receives leaves the device as one frame. */
export async function inject(
  place: Place,
  device: string,
  frames: readonly Uint8Array[],
  times: number,
): Promise<void> {
  const port = 20_000 + Math.floor(Math.random() * 20_000);
  const relay = await place.spawn("socat", [
    "-d",
    "-d",
    "-u",
    `UDP4-RECV:${port},bind=127.0.0.1`,
    `INTERFACE:${device}`,
  ]);
  try {
    await relay.waitForLog(/starting data transfer loop/, 10_000);
    await sendDatagrams(place, "127.0.0.1", port, frames, times);
  } finally {
    await relay.stop(1000);
  }
}

/** Sends each payload so many times; paced, so that what is lost is lost by the target. */
const sender = `
const [address, port, times, ...payloads] = process.argv.slice(1);
const socket = require("node:dgram").createSocket("udp4");
const frames = payloads.map((text) => Buffer.from(text, "base64"));
(async () => {
  for (let i = 0; i < Number(times); i++) {
    await new Promise((done) => socket.send(frames[i % frames.length], Number(port), address, done));
    if (i % 50 === 49) await new Promise((done) => setTimeout(done, 2));
  }
  socket.close();
})();
`;

/** Sends UDP datagrams, `times` in all, taking the payloads in turn. */
export async function sendDatagrams(
  place: Place,
  address: string,
  port: number,
  payloads: readonly Uint8Array[],
  times: number,
): Promise<void> {
  const texts = payloads.map((payload) => Buffer.from(payload).toString("base64"));
  await place.must("node", ["-e", sender, address, `${port}`, `${times}`, ...texts]);
}

/** MAC address of a device. */
export async function macOf(place: Place, device: string): Promise<string> {
  return (await place.must("cat", [`/sys/class/net/${device}/address`])).trim();
}

/** Sends IPv4 packets from the stranger to a member, whatever sender they name. */
export async function injectPackets(world: World, packets: readonly Uint8Array[], times: number): Promise<void> {
  const [from, to] = await Promise.all([macOf(world.stranger, "eth0"), macOf(world.a.host, "eth0")]);
  const frames = packets.map((packet) => ethernet(to, from, 0x0800, packet));
  await inject(world.stranger, "eth0", frames, times);
}

/** A marked frame that a member's container sends: shows that the probe sees what arrives. */
export async function honestMarker({ b }: World): Promise<void> {
  await inject(b.container("c1"), "ethwe", [marker(await macOf(b.container("c1"), "ethwe"))], 5);
}
