import { waitFor } from "@weaved/netlab";
import { describe, expect } from "vitest";
import { type Cluster, establishedOf, type Kind, type Node, type StartOptions, whyNoOriginal } from "./cluster.ts";
import { figure, scenario, seconds } from "./scenario.ts";

/**
 * So small a range that so many addresses cannot be had without asking every host for space.
 */
interface Plan {
  readonly range: string;
  readonly size: number;
  /** Addresses that the hosts ask for, together 98 % of the range. */
  readonly counts: readonly [number, number, number];
}
const thousand: Plan = { range: "10.32.0.0/22", size: 1024, counts: [100, 450, 450] };
const quarter: Plan = { range: "10.32.0.0/24", size: 256, counts: [30, 110, 110] };
const hosts = ["a", "b", "c"];

function flagsOf({ range }: Plan): string[] {
  return [`--ipalloc-range=${range}`, "--ipalloc-init=consensus=3"];
}

/** Owned addresses by host name, as one host's `status ipam` has them. */
async function shares(node: Node): Promise<Map<string, number>> {
  const result = new Map<string, number>();
  for (const [, name, count] of (await node.status("ipam")).matchAll(/^\S+\((\w+)\)\s+(\d+) IPs/gm)) {
    result.set(name as string, (result.get(name as string) ?? 0) + Number(count));
  }
  return result;
}

/** Waits until every named host lists owners whose shares sum to the whole range. */
async function whole(cluster: Cluster, { size }: Plan, names: readonly string[] = hosts): Promise<void> {
  for (const name of names) {
    await waitFor(
      `the shares in the status of ${name} sum to 100 %`,
      async () => {
        const owned = await shares(cluster.node(name));
        const total = [...owned.values()].reduce((sum, count) => sum + count, 0);
        return [...owned.keys()].every((owner) => names.includes(owner)) && total === size;
      },
      30_000,
    );
  }
}

async function many(node: Node, count: number, label: string): Promise<string[]> {
  const got: string[] = [];
  for (let i = 0; i < count; i++) got.push(await node.allocate(`${label}${i}`));
  return got;
}

async function freeAll(node: Node, count: number, label: string): Promise<void> {
  for (let i = 0; i < count; i++) await node.call("DELETE", `/ip/${label}${i}`);
}

/** From nothing to a full range: the hosts vote, then b and c ask for far more than they were given first. */
async function fill(cluster: Cluster, plan: Plan): Promise<void> {
  await cluster.linked(2);
  const [a] = cluster.nodes as [Node];
  await a.allocate("first");
  await whole(cluster, plan);
  await a.call("DELETE", "/ip/first");
  const since = performance.now();
  const all = (await Promise.all(cluster.nodes.map((node, i) => many(node, plan.counts[i] as number, "x")))).flat();
  const kinds = cluster.nodes.map(({ kind }) => kind).join(", ");
  figure(`${all.length} addresses of ${plan.size} over ${kinds}`, `${seconds(since)} s`);
  expect(new Set(all).size).toBe(all.length);
  await whole(cluster, plan);
  const after = await shares(a);
  for (const [i, { name }] of cluster.nodes.entries()) {
    expect(after.get(name), name).toBeGreaterThanOrEqual(plan.counts[i] as number);
  }
}

/** Space also goes the other way: a takes what b and c no longer need. */
async function drain(cluster: Cluster, plan: Plan): Promise<void> {
  const [a, b, c] = cluster.nodes as [Node, Node, Node];
  const [few, most] = plan.counts;
  await Promise.all([b, c].map((node) => freeAll(node, most, "x")));
  const before = (await shares(a)).get("a") as number;
  const more = await many(a, most, "y");
  expect(new Set(more).size).toBe(most);
  await whole(cluster, plan);
  expect((await shares(a)).get("a")).toBeGreaterThan(before);
  await freeAll(a, most, "y");
  await freeAll(a, few, "x");
}

/** An address of each other host can be claimed: not while in use there, then once it is free. */
async function claims(cluster: Cluster, plan: Plan): Promise<void> {
  for (const node of cluster.nodes) {
    for (const owner of cluster.nodes.filter((one) => one !== node)) {
      const cidr = await owner.allocate("held");
      const taken = await node.send("PUT", `/ip/thief/${cidr}`);
      expect(taken.status, `${node.kind} claims ${cidr}, in use on ${owner.kind}: ${taken.body}`).toBe(400);
      await owner.call("DELETE", "/ip/held");
      await node.call("PUT", `/ip/claimer/${cidr}`);
      expect(await node.call("GET", "/ip/claimer")).toContain(cidr);
      await node.call("DELETE", "/ip/claimer");
    }
  }
  await whole(cluster, plan);
}

/** What a host has given out it knows after a restart and after a crash. */
async function restarts(cluster: Cluster, plan: Plan): Promise<void> {
  for (const [i, node] of cluster.nodes.entries()) {
    const cidr = await node.allocate("kept");
    const peers = hosts.filter((name) => name !== node.name);
    await (i % 2 === 0 ? node.stop() : node.crash());
    await node.start({ peers });
    await cluster.linked(2);
    expect(await node.call("GET", "/ip/kept"), `${node.name} (${node.kind})`).toContain(cidr);
    expect(await node.allocate("kept")).toBe(cidr);
  }
  await whole(cluster, plan);
}

/** A host dies for good; another one takes its space over. */
async function removal(cluster: Cluster, plan: Plan, { dead, heir }: { dead: Node; heir: Node }): Promise<void> {
  await dead.crash();
  const survivors = hosts.filter((name) => name !== dead.name);
  await waitFor(`${heir.name} sees ${dead.name} gone`, async () => (await establishedOf(heir)) === 1, 30_000);
  const since = performance.now();
  const answer = await heir.call("DELETE", `/peer/${dead.peerName}`);
  expect(answer).toMatch(/^[1-9]\d* IPs taken over/);
  figure(`${heir.kind} takes over ${dead.kind}`, `${seconds(since)} s, ${answer.trim()}`);
  await whole(cluster, plan, survivors);
}

/** All of it, in the life of one cluster. */
async function life(cluster: Cluster, plan: Plan, heir: string): Promise<void> {
  await fill(cluster, plan);
  await drain(cluster, plan);
  await claims(cluster, plan);
  await restarts(cluster, plan);
  await removal(cluster, plan, { dead: cluster.node("b"), heir: cluster.node(heir) });
}

function kinds(...of: Kind[]): Record<string, StartOptions> {
  return Object.fromEntries(hosts.map((host, i) => [host, { kind: of[i] as Kind }]));
}

describe("addresses in mixed clusters: voted, filled, drained, claimed, kept, taken over", () => {
  const skip = whyNoOriginal;

  scenario(
    "with one original between two of ours",
    { hosts, all: { flags: flagsOf(thousand) }, each: kinds("weaved", "original", "weaved"), skip },
    (cluster) => life(cluster, thousand, "a"),
  );

  scenario(
    "with one of ours between two originals",
    { hosts, all: { flags: flagsOf(quarter) }, each: kinds("original", "weaved", "original"), skip },
    (cluster) => life(cluster, quarter, "c"),
  );
});
