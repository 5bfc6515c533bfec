/* Four hosts in two subnets, in VPC mode: EC2's API is moto's, the router's kernel follows EC2's table. */
import { waitFor, whyNoLab } from "@weaved/netlab";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { whyNoMoto } from "../../../../../packages/vpc-routes/test/host/support/moto.ts";
import type { Node } from "../e2e/cluster.ts";
import { awsEnvironment, createVpcCluster, type VpcCluster } from "./vpc.ts";

const why = whyNoLab([]) ?? (await whyNoMoto());
/** Routes of a table before ours: its own, the default one, two of a stranger. */
const others = 4;
const hosts = ["a", "b", "c", "d"];
/** Hosts that wait for others look again after 10 s, 20 s, 40 s. */
const patienceMs = 90_000;

let vpc: VpcCluster;
beforeAll(() => {
  Object.assign(process.env, awsEnvironment);
});
beforeEach((ctx) => {
  if (why) ctx.skip(why);
});
afterEach(async ({ task }) => {
  if (task.result?.state === "fail") console.error(vpc?.cluster.logs());
  await vpc?.close();
});

/** Starts all daemons, attaches a container of each host; its address by host. */
async function start(routes: number): Promise<Map<Node, string>> {
  vpc = await createVpcCluster(hosts);
  const { nodes } = vpc.cluster;
  // All start at once, and each needs an address for its bridge: they must agree without a vote.
  const seed = `--ipalloc-init=seed=${nodes.map(({ peerName }) => peerName).join(",")}`;
  const flags = ["--awsvpc", `--awsvpc-routes=${others + routes}`, seed];
  await Promise.all(nodes.map((node) => node.start({ flags, peers: node.name === "a" ? [] : ["a"] })));
  await vpc.cluster.linked(hosts.length - 1);
  const addresses = new Map<Node, string>();
  for (const node of nodes) addresses.set(node, (await node.weave("attach", node.reference("c1"))).trim());
  await waitFor(
    "the table is full",
    async () => (await vpc.routes()).size === Math.min(routes, hosts.length),
    patienceMs,
  );
  return addresses;
}

/** Waits until every container reaches every other. */
async function everyoneReaches(addresses: ReadonlyMap<Node, string>): Promise<void> {
  for (const from of addresses.keys()) {
    for (const [to, address] of addresses) {
      if (from === to) continue;
      const what = `${from.name} reaches ${to.name}`;
      const ping = async () => (await from.container("c1").ping(address, { count: 1, waitMs: 500 })).received === 1;
      await waitFor(what, ping, 40_000, 100);
    }
  }
}

/** Waits until every host sends natively what has a route, the rest by the overlay: hosts see each other's routes in their next pass. */
async function settled(addresses: ReadonlyMap<Node, string>, routes: number): Promise<void> {
  const ways = async (): Promise<boolean> => {
    const withRoute = new Set((await vpc.routes()).values());
    if (withRoute.size !== routes) return false;
    for (const [from, own] of addresses) {
      for (const [to, address] of addresses) {
        if (from === to) continue;
        const way = await from.weave("explain", own, address);
        if (!way.includes(withRoute.has(to.name) ? "natively" : "by the overlay")) return false;
      }
    }
    return true;
  };
  await waitFor("all know their ways", ways, patienceMs, 250);
}

/** Frames that the userspace overlays have carried, of all hosts together. */
async function carried(): Promise<number> {
  let sum = 0;
  for (const node of vpc.cluster.nodes) {
    // The report counts up to this moment; metrics may be a second old.
    const { overlayOut } = (await node.report()).Router.CaptureStats;
    expect(overlayOut).toBeTypeOf("number");
    sum += overlayOut;
  }
  return sum;
}

/** Pings from one host's container to another's, ten times; how many of the packets the router saw bare, each way. */
async function bare(
  addresses: ReadonlyMap<Node, string>,
  from: Node,
  to: Node,
): Promise<{ there: number; back: number }> {
  const [source, destination] = [addresses.get(from)!, addresses.get(to)!].map((cidr) => cidr.split("/")[0]);
  const seen = await vpc.cluster.lab.switches.capture({ device: "any", filter: "icmp and net 10.32.0.0/16" });
  const pings = await from.container("c1").ping(destination!, { count: 10, intervalMs: 50 });
  await seen.stop();
  expect(pings.received).toBe(10);
  const sent = async (by: string | undefined) => await seen.count(`icmp and src host ${by}`);
  return { there: await sent(source), back: await sent(destination) };
}

describe("VPC mode", { timeout: 240_000 }, () => {
  it("carries everything natively while the table has room: no frame in the overlay", async () => {
    const addresses = await start(10);
    await settled(addresses, hosts.length);
    await everyoneReaches(addresses);
    const [a, b] = [...addresses.keys()] as [Node, Node];
    const before = await carried();
    const { there, back } = await bare(addresses, a, b);
    expect(await carried()).toBe(before);
    expect(there).toBeGreaterThanOrEqual(10);
    expect(back).toBeGreaterThanOrEqual(10);
    expect(await a.weave("explain", addresses.get(a)!, addresses.get(b)!)).toContain("natively");
  });

  it("joins all pairs with room for two routes: the rest goes by the overlay", async () => {
    const addresses = await start(2);
    await settled(addresses, 2);
    await everyoneReaches(addresses);
    const withRoute = new Set((await vpc.routes()).values());
    const [first, second] = [...addresses.keys()].filter(({ name }) => !withRoute.has(name)) as [Node, Node];
    expect(await bare(addresses, first, second)).toEqual({ there: 0, back: 0 });
    // The kernel's VXLAN takes over from the userspace overlay after the first frames.
    expect(await carried()).toBeGreaterThan(0);
  });

  it("takes its routes out of the table when a host leaves for good", async () => {
    await start(10);
    const gone = vpc.cluster.node("d");
    await gone.call("DELETE", "/peer");
    await waitFor("its route is gone", async () => !new Set((await vpc.routes()).values()).has("d"), 20_000);
  });
});
