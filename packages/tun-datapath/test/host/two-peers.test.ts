import { spawn } from "node:child_process";
import { afterEach, describe, expect, it } from "vitest";
import { imbalance } from "../../src/counters.ts";
import { type Lab, makeLab, type Peer, sh, shAsync, startPeer, until } from "./lab.ts";

/*
 *   c1 -- h1 ===== underlay ===== h2 -- c2      two hosts of ours, see lab.ts
 */
const A = 0x0a0000000001;
const B = 0x0a0000000002;
let lab: Lab | undefined;
let peers: Peer[] = [];

afterEach(async () => {
  await Promise.all(peers.map((peer) => peer.stop()));
  peers = [];
  lab?.close();
  lab = undefined;
});

async function twoPeers(overlays: string, password?: string, underlayMtu = 1500): Promise<[Peer, Peer]> {
  lab = makeLab({ prefix: `tp${process.pid}`, hosts: 2, underlayMtu });
  const secret = password === undefined ? {} : { password };
  const a = await startPeer({ ns: lab.host(1), name: A, overlays, ...secret });
  const b = await startPeer({ ns: lab.host(2), name: B, overlays, dial: [lab.address(1)], ...secret });
  peers = [a, b];
  const best = overlays.split(" ")[0];
  for (const peer of peers) {
    await until(
      `${best} in use`,
      async () => (await peer.status()).links.find((link) => link.overlay === best),
      30_000,
    );
  }
  // A link in use is not yet a route: each side waits until the other has said so.
  await until("frames pass", async () => (await c(1, "ping -c 1 -W 1 10.32.0.2 || true")).includes("1 received"));
  return [a, b];
}

const c = (i: number, command: string, timeoutMs = 60_000): Promise<string> =>
  shAsync(`ip netns exec ${(lab as Lab).container(i)} ${command}`, timeoutMs);

/** Bits per second of TCP from container 1 to 2. */
async function iperf(seconds: number, extra = ""): Promise<number> {
  await c(2, "iperf3 -s -D -1 --forceflush");
  // It detaches before it listens.
  await until("iperf3 listens", async () => (await c(2, "ss -Hltn sport = :5201")) !== "");
  const { error, end } = JSON.parse(await c(1, `iperf3 -J -c 10.32.0.2 -t ${seconds} ${extra} || true`));
  if (error !== undefined) throw new Error(`iperf3: ${error}`);
  return end.sum_received.bits_per_second;
}

/** Bytes that have come to container `i`, whatever carried them. */
const received = async (i: number): Promise<number> =>
  Number(await c(i, "cat /sys/class/net/eth0/statistics/rx_bytes"));

/** Waits until container 2 receives more than a megabit per second: of a flow begun before, not the mean since its start. */
const goesOn = (what: string): Promise<unknown> =>
  until(what, async () => {
    const before = await received(2);
    await new Promise((resolve) => setTimeout(resolve, 250));
    return ((await received(2)) - before) * 8 > 0.25e6;
  });

describe.each([
  ["sleeve", "sleeve", undefined],
  ["sleeve, encrypted", "sleeve", "s3cret"],
  ["sleeve-gso", "sleeve-gso sleeve", undefined],
  ["sleeve-gso, encrypted", "sleeve-gso sleeve", "s3cret"],
  ["vxlan", "vxlan sleeve-gso sleeve", undefined],
])("two hosts over %s", (_name, overlays, password) => {
  it("carry pings, 60 kB of UDP, TCP both ways, and account for every frame", async () => {
    const [a, b] = await twoPeers(overlays, password);
    expect(await c(1, "ping -c 3 -i 0.2 10.32.0.2")).toContain(" 0% packet loss");
    expect(await c(2, "ping -c 3 -i 0.2 -s 60000 10.32.0.1")).toContain(" 0% packet loss");
    expect(await iperf(1)).toBeGreaterThan(1e6);
    expect(await iperf(1, "-R")).toBeGreaterThan(1e6);
    for (const peer of [a, b]) {
      await until("counters that add up", async () => imbalance((await peer.status()).counters) === 0);
    }
  });
});

describe("what can be read on the underlay", () => {
  // In plaintext it must be found: otherwise the search does not look for what the pings carry.
  it.each([
    ["every frame of a plaintext path", undefined, true],
    ["no byte of a frame of an encrypted path", "s3cret", false],
  ])("is %s", async (_title, password, isSeen) => {
    await twoPeers("sleeve-gso sleeve", password);
    const h1 = (lab as Lab).host(1);
    const dump = spawn("ip", ["netns", "exec", h1, "tcpdump", "-U", "-i", "eth0", "-w", "-", "udp port 6783"]);
    let [captured, said] = ["", ""];
    dump.stdout.setEncoding("latin1").on("data", (chunk) => {
      captured += chunk;
    });
    dump.stderr.on("data", (chunk) => {
      said += chunk;
    });
    try {
      await until("tcpdump listens", () => said.includes("listening on"));
      await c(1, "ping -c 10 -i 0.1 -s 600 -p 5741564544 10.32.0.2");
      await until("captured packets", () => captured.length > 10_000);
    } finally {
      dump.kill();
    }
    expect(captured.includes("WAVEDWAVED")).toBe(isSeen);
  });
});

describe("a path that shrinks while in use", () => {
  it.each(["sleeve", "sleeve-gso sleeve"])("does not hang TCP over %s", async (overlays) => {
    await twoPeers(overlays);
    // What came in the first three seconds does not count.
    const flow = iperf(4, "-O 3");
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    for (const i of [1, 2]) sh(`ip -n ${(lab as Lab).host(i)} link set eth0 mtu 1300`);
    expect(await flow).toBeGreaterThan(1e6);
    expect(await iperf(1)).toBeGreaterThan(1e6);
  });
});

describe("hosts whose MTU differs", () => {
  it.each(["vxlan sleeve-gso sleeve", "sleeve"])("tell senders, cut what may be cut, over %s", async (overlays) => {
    lab = makeLab({ prefix: `tp${process.pid}`, hosts: 2, underlayMtu: 9000 });
    const [h1, c1] = [lab.host(1), lab.container(1)];
    sh(`ip -n ${h1} link set weave mtu 8000; ip -n ${c1} link set eth0 mtu 8000; ip -n ${h1} link set vc1 mtu 8000`);
    for (const i of [1, 2])
      sh(`ip netns exec ${lab.container(i)} sysctl -qw net.ipv6.conf.all.disable_ipv6=0
        ip -n ${lab.container(i)} addr add fd00::${i}/64 dev eth0 nodad`);
    const a = await startPeer({ ns: h1, name: A, overlays, mtu: 8000 });
    const b = await startPeer({ ns: lab.host(2), name: B, overlays, dial: [lab.address(1)] });
    peers = [a, b];
    await until("frames pass", async () => (await c(1, "ping -c 1 -W 1 10.32.0.2 || true")).includes("1 received"));
    await until("a jumbo path", async () => ((await a.status()).links[0]?.mtu ?? 0) > 4_000, 30_000);
    expect(await c(1, "ping -c 3 -i 0.2 -M dont -s 4000 10.32.0.2")).toContain(" 0% packet loss");
    expect(await c(1, "ping -c 2 -i 0.2 -M do -s 4000 10.32.0.2 || true")).toContain("mtu = 1376");
    // The first is lost to the answer "packet too big", the rest come in fragments.
    expect(await c(1, "ping -6 -c 4 -i 0.2 -s 4000 fd00::2 || true")).toMatch(/[34] received/);
    expect(await iperf(1)).toBeGreaterThan(1e6);
    // Never over the kernel's VXLAN from the larger to the smaller: nobody would answer there.
    expect((await a.status()).links[0]?.overlay).not.toBe("vxlan");
  });
});

describe("the kernel's VXLAN", () => {
  it("fails over to userspace and back without losing a TCP stream", async () => {
    const [a, b] = await twoPeers("vxlan sleeve-gso sleeve");
    const flow = iperf(16);
    const h1 = (lab as Lab).host(1);
    const h2 = (lab as Lab).host(2);
    for (const h of [h1, h2])
      sh(
        `ip netns exec ${h} nft 'add table ip t; add chain ip t i { type filter hook input priority 0; }; add rule ip t i udp dport 6784 drop'`,
      );
    const overlayOf = async (peer: Peer): Promise<string | undefined> => (await peer.status()).links[0]?.overlay;
    await until(
      "failover",
      async () => (await overlayOf(a)) === "sleeve-gso" && (await overlayOf(b)) === "sleeve-gso",
      20_000,
    );
    await goesOn("the stream through userspace");
    for (const h of [h1, h2]) sh(`ip netns exec ${h} nft delete table ip t`);
    await until("return", async () => (await overlayOf(a)) === "vxlan" && (await overlayOf(b)) === "vxlan", 20_000);
    await goesOn("the stream through the kernel");
    expect(await flow).toBeGreaterThan(1e6);
  });
});

describe("a forwarding process that is killed", () => {
  it.each(["sleeve-gso sleeve", "sleeve"])(
    "at full load over %s is back two seconds after its start",
    async (overlays) => {
      const [, b] = await twoPeers(overlays);
      // What came before the kill does not count.
      const flow = iperf(6, "-O 6");
      const pings = c(1, "timeout 10 ping -D -i 0.02 10.32.0.2 || true");
      await new Promise((resolve) => setTimeout(resolve, 2_000));
      const killed = Date.now() / 1000;
      b.process.kill("SIGKILL");
      await b.stop();
      const h2 = (lab as Lab).host(2);
      const starting = Date.now() / 1000;
      const again = await startPeer({ ns: h2, name: B, overlays, dial: [(lab as Lab).address(1)] });
      const started = Date.now() / 1000;
      peers.push(again);
      const answers = [...(await pings).matchAll(/^\[([\d.]+)\] \d+ bytes/gm)].map((match) => Number(match[1]));
      const first = answers.find((time) => time > starting + 0.1) ?? Number.POSITIVE_INFINITY;
      console.log(
        `${overlays}: silent for ${(first - killed).toFixed(2)} s, of which Node took ${(started - starting).toFixed(2)} s to start`,
      );
      expect(answers[0]).toBeLessThan(killed);
      expect(first - started).toBeLessThan(2);
      expect(await flow).toBeGreaterThan(1e6);
    },
  );

  it("does not stop what the kernel's VXLAN forwards", async () => {
    const [, b] = await twoPeers("vxlan sleeve-gso sleeve");
    const flow = iperf(8, "-i 0.5");
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    // Counted on the far side of the bridge that the killed process served.
    b.process.kill("SIGKILL");
    await b.stop();
    const rates: number[] = [];
    for (let i = 0; i < 8; i++) {
      const before = await received(2);
      await new Promise((resolve) => setTimeout(resolve, 250));
      rates.push(((await received(2)) - before) / 2 ** 20);
    }
    console.log(`MB each 0.25 s while nobody serves the bridge: ${rates.map((rate) => rate.toFixed(1)).join(", ")}`);
    expect(Math.min(...rates)).toBeGreaterThan(0.5);
    expect(await flow).toBeGreaterThan(1e6);
  });
});
