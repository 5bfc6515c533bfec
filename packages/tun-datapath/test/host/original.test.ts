import { afterEach, describe, expect, it } from "vitest";
import { type Lab, makeLab, type Peer, sh, shAsync, startPeer, until } from "./lab.ts";
import { type Original, originalFolder, startOriginal } from "./original.ts";

/*
 *   c1 -- h1 (ours) ===== underlay ===== h2 (Weave Net 2.8) -- c2      h3: either, as the relay or the far end
 */
let lab: Lab | undefined;
let peers: { stop(): Promise<void> }[] = [];

afterEach(async () => {
  await Promise.all(peers.map((peer) => peer.stop()));
  peers = [];
  lab?.close();
  lab = undefined;
});

const c = (i: number, command: string): Promise<string> =>
  shAsync(`ip netns exec ${(lab as Lab).container(i)} ${command}`);
const nameOf = (i: number): number => 0x0a0000000000 + i;

async function ours(i: number, dial: number[], password?: string, mtu = 1376): Promise<Peer> {
  const at = lab as Lab;
  const secret = password === undefined ? {} : { password };
  const peer = await startPeer({
    ns: at.host(i),
    name: nameOf(i),
    dial: dial.map(at.address),
    discovery: false,
    mtu,
    ...secret,
  });
  peers.push(peer);
  return peer;
}
async function original(i: number, dial: number[], password?: string, mtu?: number): Promise<Original> {
  const at = lab as Lab;
  const secret = password === undefined ? {} : { password };
  const peer = await startOriginal({
    ns: at.host(i),
    name: `0a:00:00:00:00:0${i}`,
    dial: dial.map(at.address),
    ...secret,
    ...(mtu === undefined ? {} : { mtu }),
  });
  peers.push(peer);
  sh(`ip -n ${at.host(i)} link set vc${i} master weave`);
  return peer;
}
const linked = (peer: Peer, to: number): Promise<unknown> =>
  until(
    `a link to ${to}`,
    async () => (await peer.status()).links.find((link) => link.peer === nameOf(to) && link.established),
    30_000,
  );
const pings = (from: number, to: number): Promise<unknown> =>
  until(
    `ping ${from} to ${to}`,
    async () => (await c(from, `ping -c 2 -i 0.2 -W 1 10.32.0.${to} || true`)).includes(" 0% packet loss"),
    30_000,
  );

async function serve(i: number): Promise<void> {
  await c(i, "iperf3 -s -D -1");
  // It detaches before it listens.
  await until("iperf3 listens", async () => (await c(i, "ss -Hltn sport = :5201")) !== "");
}
async function iperf(from: number, to: number, options: string) {
  await serve(to);
  const { error, end } = JSON.parse(await c(from, `timeout 45 iperf3 -J -c 10.32.0.${to} ${options} || true`));
  if (error !== undefined) throw new Error(`iperf3: ${error}`);
  return end;
}

/** Bits per second; a flow that hangs has far less than what a busy machine of two cores reaches. */
async function tcp(from: number, to: number, extra = ""): Promise<number> {
  return (await iperf(from, to, `-t 2 ${extra}`)).sum_received.bits_per_second;
}
const HANGING = 1e5;

/** Datagrams of 65,507 bytes that arrive, of about 20. */
async function largeUdp(from: number, to: number): Promise<number> {
  const { packets, lost_packets } = (await iperf(from, to, "-u -l 65507 -b 5M -t 2")).sum;
  return packets - lost_packets;
}

describe.each([
  ["plaintext", undefined],
  ["encrypted", "s3cret"],
])("a host of ours beside a host of Weave Net 2.8, %s", (_name, password) => {
  it.for([1400, 1500, 9000])(
    "carries pings, large UDP, TCP both ways over an underlay of MTU %i",
    async (underlayMtu, ctx) => {
      if (originalFolder === undefined) return ctx.skip("WEAVED_ORIGINAL is not set");
      // Jumbo frames for the containers too, where the underlay takes them.
      const containerMtu = underlayMtu - 100;
      lab = makeLab({ prefix: `to${process.pid}`, hosts: 2, bare: [2], underlayMtu, containerMtu });
      const a = await ours(1, [], password, containerMtu);
      await original(2, [1], password, containerMtu);
      await linked(a, 2);
      await pings(1, 2);
      // The largest of IPv4: packets of 64 KiB, cut by the container.
      expect(await c(2, "ping -c 3 -i 0.2 -s 65507 10.32.0.1")).toContain(" 0% packet loss");
      expect(await largeUdp(1, 2)).toBeGreaterThan(5);
      expect(await largeUdp(2, 1)).toBeGreaterThan(5);
      expect(await tcp(1, 2)).toBeGreaterThan(HANGING);
      expect(await tcp(1, 2, "-R")).toBeGreaterThan(HANGING);
    },
  );

  it("relays for two hosts of Weave Net 2.8, and has one relay for two of ours", async (ctx) => {
    if (originalFolder === undefined) return ctx.skip("WEAVED_ORIGINAL is not set");
    lab = makeLab({ prefix: `tr${process.pid}`, hosts: 3, bare: [2] });
    const [a, b] = [await ours(1, [], password), await ours(3, [], password)];
    await original(2, [1, 3], password);
    await linked(a, 2);
    await linked(b, 2);
    await pings(1, 3);
    expect(await tcp(1, 3)).toBeGreaterThan(HANGING);
    expect(await tcp(1, 3, "-R")).toBeGreaterThan(HANGING);
    expect(await largeUdp(1, 3)).toBeGreaterThan(5);
    await Promise.all(peers.splice(0).map((peer) => peer.stop()));
    lab.close();
    lab = makeLab({ prefix: `tr${process.pid}`, hosts: 3, bare: [1, 3] });
    const middle = await ours(2, [], password);
    await original(1, [2], password);
    await original(3, [2], password);
    await linked(middle, 1);
    await linked(middle, 3);
    sh(
      `ip netns exec ${lab.host(1)} nft 'add table ip t; add chain ip t o { type filter hook output priority 0; }; add rule ip t o ip daddr 10.99.0.3 drop'`,
    );
    await pings(1, 3);
    expect(await tcp(1, 3)).toBeGreaterThan(HANGING);
    expect(await tcp(1, 3, "-R")).toBeGreaterThan(HANGING);
    expect(await largeUdp(1, 3)).toBeGreaterThan(5);
  });

  it("does not hang TCP, either way, when the path's MTU falls while it runs", async (ctx) => {
    if (originalFolder === undefined) return ctx.skip("WEAVED_ORIGINAL is not set");
    lab = makeLab({ prefix: `tm${process.pid}`, hosts: 2, bare: [2] });
    const a = await ours(1, [], password);
    await original(2, [1], password);
    await linked(a, 2);
    await pings(1, 2);
    for (const [mtu, direction] of [
      [1300, ""],
      [1100, "-R"],
    ] as const) {
      const flow = tcp(1, 2, `-O 3 -t 4 ${direction}`);
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      for (const i of [1, 2]) sh(`ip -n ${lab.host(i)} link set eth0 mtu ${mtu}`);
      // What came in the first three seconds does not count.
      expect(await flow).toBeGreaterThan(HANGING);
      // Who sends nothing large hears of it with the first that he does send.
      await until("the path's MTU", async () => {
        await c(1, `ping -c 1 -W 1 -M do -s ${mtu} 10.32.0.2 || true`);
        return ((await a.status()).links[0]?.mtu ?? mtu) < mtu;
      });
    }
  });

  it("comes back after a restart of either side", async (ctx) => {
    if (originalFolder === undefined) return ctx.skip("WEAVED_ORIGINAL is not set");
    lab = makeLab({ prefix: `ts${process.pid}`, hosts: 2, bare: [2] });
    const a = await ours(1, [], password);
    const o = await original(2, [1], password);
    await linked(a, 2);
    await pings(1, 2);
    await a.stop();
    peers.splice(peers.indexOf(a), 1);
    const again = await ours(1, [2], password);
    await linked(again, 2);
    await pings(1, 2);
    await o.stop();
    peers.splice(peers.indexOf(o), 1);
    await original(2, [1], password);
    await linked(again, 2);
    await pings(2, 1);
  });
});
