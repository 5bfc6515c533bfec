import type { Place } from "@weaved/netlab";
import { arpReply, dnsQuestion, ethernet, marker, sleevePacket, udpPacket, vxlanPacket } from "./frames.ts";
import { inject, injectPackets, macOf, sendDatagrams, type World } from "./world.ts";

/** What came of an attack. */
export interface Outcome {
  /** Messages, frames, or connections that had an effect. */
  readonly through: number;
  readonly note?: string | undefined;
}

/** One attack on real daemons. */
export interface Attack {
  readonly name: string;
  /** How often it is tried in `npm test` and in `npm run hostile`. */
  readonly short: number;
  readonly whole: number;
  run(world: World, count: number): Promise<Outcome>;
}

/** Forged frames: those that arrive in a container count, and harm counts as one. */
function delivering(name: string, whole: number, attack: (world: World, count: number) => Promise<void>): Attack {
  return {
    name,
    short: 200,
    whole,
    async run(world, count) {
      const arrived = await world.arrivals(() => attack(world, count));
      const note = await world.harm();
      return { through: arrived + (note === undefined ? 0 : 1), note };
    },
  };
}

/** Frames that a container may not send: those that arrive in a's container count. */
function spoofing(
  name: string,
  filter: string,
  prepare: (world: World) => Promise<{ place: Place; frame: Uint8Array }>,
): Attack {
  return {
    name,
    short: 100,
    whole: 10_000,
    async run(world, count) {
      const { place, frame } = await prepare(world);
      const through = await world.arrivals(() => inject(place, "ethwe", [frame], count), filter);
      const note = await world.harm();
      return { through: through + (note === undefined ? 0 : 1), note };
    },
  };
}

/** MAC addresses of a's second container, which attacks, and of its first one. */
function macsOf({ a }: World): Promise<[string, string]> {
  return Promise.all([macOf(a.container("c2"), "ethwe"), macOf(a.container("c1"), "ethwe")]);
}

/** Connects, sends the first bytes of a peer, then garbage; ends when the daemon has closed all connections. */
const stranding = `
const [address, count] = process.argv.slice(1);
const net = require("node:net");
const { randomBytes } = require("node:crypto");
const one = () => new Promise((done) => {
  const socket = net.connect(6783, address);
  let bytes = 0;
  socket.on("connect", () => {
    socket.write(Buffer.concat([Buffer.from("weave\\x01\\x02"), Buffer.from([1]), randomBytes(32), Buffer.from([0, 0, 0, 64]), randomBytes(64)]));
  });
  socket.on("data", (chunk) => (bytes += chunk.length)).on("error", () => {}).on("close", () => done(bytes));
  setTimeout(() => socket.destroy(), 15000).unref();
});
(async () => {
  let most = 0;
  for (let i = 0; i < Number(count); i += 10) {
    const part = await Promise.all(Array.from({ length: Math.min(10, Number(count) - i) }, one));
    most = Math.max(most, ...part);
  }
  console.log(most);
})();
`;

/** Asks a DNS server and prints the bytes and the codes of its answers. */
const asking = `
const [address, count, question] = process.argv.slice(1);
const socket = require("node:dgram").createSocket("udp4");
const query = Buffer.from(question, "base64");
let [bytes, answers] = [0, 0];
socket.on("message", (message) => { bytes += message.length; if ((message[3] & 15) !== 5) answers++; });
(async () => {
  for (let i = 0; i < Number(count); i++) {
    query.writeUInt16BE(i & 0xffff, 0);
    await new Promise((done) => socket.send(query, 53, address, done));
    if (i % 20 === 19) await new Promise((done) => setTimeout(done, 5));
  }
  await new Promise((done) => setTimeout(done, 1000));
  console.log(JSON.stringify({ bytes, answers, asked: Number(count) * query.length }));
  socket.close();
})();
`;

/** Every attack that the daemons withstand. A new attack comes with its mend. */
export const attacks: readonly Attack[] = [
  {
    name: "a stranger without the password connects over TCP",
    short: 40,
    whole: 1000,
    async run(world, count) {
      const { a, stranger: x } = world;
      const before = (await a.status("peers")).split("\n").length;
      await x.must("node", ["-e", stranding, a.host.address, `${count}`], { timeoutMs: 600_000 });
      const after = (await a.status("peers")).split("\n").length;
      const note = await world.harm();
      return { through: Math.max(0, after - before) + (note === undefined ? 0 : 1), note };
    },
  },
  delivering(
    "a stranger sends plaintext sleeve frames in a member's name",
    10_000,
    async ({ a, b, stranger: x }, count) => {
      const packet = sleevePacket(b.peerName, b.peerName, a.peerName, marker());
      await sendDatagrams(x, a.host.address, 6783, [packet], count);
    },
  ),
  delivering("a stranger sends sleeve frames from a member's name and address", 10_000, async (world, count) => {
    const { a, b } = world;
    const route = { from: b.host.address, fromPort: 6783, to: a.host.address, toPort: 6783 };
    const packet = sleevePacket(b.peerName, b.peerName, a.peerName, marker());
    await injectPackets(world, [udpPacket(route, packet)], count);
  }),
  delivering("a stranger sends VXLAN from its own address", 10_000, async ({ a, stranger: x }, count) => {
    const packets = [0, 1, 42, 0xffffff].map((vni) => vxlanPacket(vni, marker()));
    for (const port of [6784, 4789]) await sendDatagrams(x, a.host.address, port, packets, count / 2);
  }),
  delivering("a stranger sends VXLAN from a member's address", 10_000, async (world, count) => {
    const { a, b } = world;
    const packets = [6784, 4789].flatMap((toPort) =>
      [0, 1, 42, 0xffffff].map((vni) =>
        udpPacket({ from: b.host.address, fromPort: 40_000, to: a.host.address, toPort }, vxlanPacket(vni, marker())),
      ),
    );
    await injectPackets(world, packets, count);
  }),
  {
    name: "a DNS question comes from port 0",
    short: 20,
    whole: 10_000,
    async run(world, count) {
      const { a, stranger: x } = world;
      const route = { from: x.address, fromPort: 0, to: a.host.address, toPort: 53 };
      await injectPackets(world, [udpPacket(route, dnsQuestion("a.weave.local", 1))], count);
      const note = await world.harm();
      return { through: note === undefined ? 0 : 1, note };
    },
  },
  {
    name: "a web page sends requests to the loopback listener",
    short: 6,
    whole: 3000,
    async run({ a }, count) {
      const url = "http://127.0.0.1:6782/status";
      const ask = (...headers: string[]) =>
        a.host.must("curl", [
          "-s",
          "-o",
          "/dev/null",
          "-w",
          "%{http_code}",
          ...headers.flatMap((one) => ["-H", one]),
          url,
        ]);
      const honest = await ask();
      const foreign = ["Host: evil.example:6782", "Origin: http://evil.example", "Sec-Fetch-Site: cross-site"];
      let through = honest === "200" ? 0 : 1;
      for (let i = 0; i < count; i++) if ((await ask(foreign[i % foreign.length] as string)) === "200") through++;
      return { through, note: honest === "200" ? undefined : `an honest request is answered ${honest}` };
    },
  },
  {
    name: "a stranger uses the DNS server to amplify",
    short: 300,
    whole: 10_000,
    async run(world, count) {
      const { a, stranger: x } = world;
      const question = dnsQuestion("target.weave.local", 0).toString("base64");
      const printed = await x.must("node", ["-e", asking, a.host.address, `${count}`, question]);
      const { bytes, answers, asked } = JSON.parse(printed) as { bytes: number; answers: number; asked: number };
      const amplified = bytes > asked ? 1 : 0;
      const harm = await world.harm();
      return { through: answers + amplified + (harm ? 1 : 0), note: harm ?? `${bytes} bytes for ${asked}` };
    },
  },
  spoofing("a container sends IPv4 packets under a neighbour's address", "udp port 9999", async (world) => {
    const { a, target, neighbour } = world;
    const [own, victim] = await macsOf(world);
    const route = { from: neighbour, fromPort: 9999, to: target, toPort: 9999 };
    return { place: a.container("c2"), frame: ethernet(victim, own, 0x0800, udpPacket(route, Buffer.from("forged"))) };
  }),
  spoofing("a container claims a neighbour's address by ARP", "arp and arp[6:2] = 2", async (world) => {
    const { a, target, neighbour } = world;
    const [own, victim] = await macsOf(world);
    const claim = { senderMac: own, sender: neighbour, targetMac: victim, target };
    return { place: a.container("c2"), frame: ethernet(victim, own, 0x0806, arpReply(claim)) };
  }),
  spoofing("a container answers as a DHCP server", "udp src port 67", async (world) => {
    const { a, target, own: address } = world;
    const [own, victim] = await macsOf(world);
    const route = { from: address, fromPort: 67, to: target, toPort: 68 };
    return { place: a.container("c2"), frame: ethernet(victim, own, 0x0800, udpPacket(route, Buffer.alloc(240, 2))) };
  }),
];
