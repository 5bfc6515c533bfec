import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterEach, describe, expect, it } from "vitest";
import { type Lab, makeLab, type Peer, type PeerOptions, sh, shAsync, startPeer, until } from "./lab.ts";

/*
 *   c1 -- h1 ===== underlay ===== h2 -- c2
 *                     |
 *                    h3      a host that is not a member, and sends datagrams as it likes
 */
const [A, B] = [0x0a0000000001, 0x0a0000000002];
const SCRIPT = new URL("./inject.py", import.meta.url).pathname;
const run = promisify(execFile);
let lab: Lab | undefined;
let peers: Peer[] = [];

afterEach(async () => {
  await Promise.all(peers.map((peer) => peer.stop()));
  peers = [];
  lab?.close();
  lab = undefined;
});

const hosts = (): Lab => lab as Lab;
const inNs = (ns: string, command: string): Promise<string> => shAsync(`ip netns exec ${ns} ${command}`);
const ping = async (): Promise<boolean> =>
  (await inNs(hosts().container(1), "ping -c 1 -W 1 10.32.0.2 || true")).includes("1 received");

async function twoHosts(settings: Partial<PeerOptions>, best: string): Promise<void> {
  lab = makeLab({ prefix: `ij${process.pid}`, hosts: 3 });
  peers = [
    await startPeer({ ns: lab.host(1), name: A, ...settings }),
    await startPeer({ ns: lab.host(2), name: B, dial: [lab.address(1)], ...settings }),
  ];
  for (const peer of peers)
    await until(
      `${best} in use`,
      async () => (await peer.status()).links.some(({ overlay }) => overlay === best),
      60_000,
    );
  await until("frames pass", ping, 60_000);
}

/** Datagrams with a frame for container 1, in every format, from a host; how many frames container 1 received. */
async function inject(from: string, as: string, count: number): Promise<{ sent: number; delivered: number }> {
  const c1 = hosts().container(1);
  const mac = (await inNs(c1, "cat /sys/class/net/eth0/address")).trim();
  const marked = async (): Promise<number> =>
    Number(/counter packets (\d+)/.exec(await inNs(c1, "nft list table netdev injected"))?.[1]);
  await inNs(
    c1,
    `nft 'add table netdev injected; delete table netdev injected; table netdev injected { chain in { type filter hook ingress device eth0 priority 0; ether type 0x88b6 counter; }; }'`,
  );
  const { stdout } = await run("ip", [
    "netns",
    "exec",
    from,
    "python3",
    SCRIPT,
    hosts().address(1),
    as,
    mac,
    `${count}`,
  ]);
  // What is on its way needs a moment; one genuine round trip is later than all of it.
  await until("a ping after it", ping);
  return { sent: Number(stdout), delivered: await marked() };
}

describe("10,000 datagrams with frames, to the ports of a host", () => {
  it("deliver nothing over encrypted links, from a stranger or under the address of a member", async () => {
    await twoHosts({ password: "s3cret" }, "sleeve-gso");
    const neighbours = await inNs(hosts().container(1), "ip neigh");
    const strange = await inject(hosts().host(3), hosts().address(3), 10_000);
    const forged = await inject(hosts().host(3), hosts().address(2), 10_000);
    console.log("encrypted:", { strange, forged });
    expect([strange.sent, forged.sent]).toEqual([10_000, 10_000]);
    expect([strange.delivered, forged.delivered]).toEqual([0, 0]);
    const after = await inNs(hosts().container(1), "ip neigh");
    expect(after.replace(/ (REACHABLE|STALE|DELAY|PROBE)/g, "")).toBe(
      neighbours.replace(/ (REACHABLE|STALE|DELAY|PROBE)/g, ""),
    );
  });

  it("deliver nothing over plaintext links from a stranger; under the address of a member they do", async () => {
    await twoHosts({}, "vxlan");
    const strange = await inject(hosts().host(3), hosts().address(3), 10_000);
    const forged = await inject(hosts().host(3), hosts().address(2), 1_000);
    console.log("plaintext:", { strange, forged });
    expect(strange).toEqual({ sent: 10_000, delivered: 0 });
    expect(forged.delivered).toBeGreaterThan(0);
  });

  it("deliver nothing from a workload of the host itself", async () => {
    await twoHosts({}, "vxlan");
    const bridge = "10.32.255.254";
    sh(
      `ip -n ${hosts().host(1)} addr add ${bridge}/16 dev weave; ip -n ${hosts().container(1)} route add 10.99.0.0/24 via ${bridge}`,
    );
    for (const as of ["10.32.0.1", hosts().address(2)]) {
      const { delivered } = await inject(hosts().container(1), as, 1_000);
      expect(delivered).toBe(0);
    }
  });
});

describe("the source filter of a plaintext network", () => {
  const sources = (i: number): string =>
    sh(`ip netns exec ${hosts().host(i)} nft list set inet weave-vxlan-6784 sources`);

  it("admits a member whose packets leave by another address than its link's", async () => {
    lab = makeLab({ prefix: `ij${process.pid}`, hosts: 2 });
    // All that host 2 sends to host 1 by UDP to the tunnel's port comes from its second address.
    sh(`ip -n ${lab.host(2)} addr add 10.99.0.22/24 dev eth0
      ip netns exec ${lab.host(2)} nft 'table ip twonics { chain post { type nat hook postrouting priority srcnat; udp dport 6784 snat to 10.99.0.22; }; }'`);
    peers = [
      await startPeer({ ns: lab.host(1), name: A }),
      await startPeer({ ns: lab.host(2), name: B, dial: [lab.address(1)] }),
    ];
    for (const peer of peers)
      await until(
        "vxlan in use",
        async () => (await peer.status()).links.some(({ overlay }) => overlay === "vxlan"),
        60_000,
      );
    expect(sources(1)).toContain("10.99.0.22");
    await until("frames pass", ping, 60_000);
  });

  it("is put back when another program flushes all rules", async () => {
    await twoHosts({}, "vxlan");
    expect(sources(1)).toContain(hosts().address(2));
    sh(`ip netns exec ${hosts().host(1)} nft flush ruleset`);
    await until("the filter is back", () =>
      sh(`ip netns exec ${hosts().host(1)} nft list ruleset`).includes(hosts().address(2)),
    );
    expect(await inject(hosts().host(3), hosts().address(3), 1_000)).toEqual({ sent: 1_000, delivered: 0 });
  });
});
