import { setTimeout } from "node:timers/promises";
import { waitFor, waitUntilReachable } from "@weaved/netlab";
import { expect } from "vitest";
import type { Node } from "./cluster.ts";
import { figure, scenario, seconds } from "./scenario.ts";

const bare = (cidr: string) => cidr.split("/")[0]!;

/** Allocates some dozens of addresses a second on a node until stopped; what was answered counts as given. */
function allocating(node: Node, prefix: string) {
  const given = new Map<string, string>();
  let going = true;
  const done = (async () => {
    for (let i = 0; going; i++) {
      // A daemon that is down answers nothing; then the request counts for nothing.
      const cidr = await node.allocate(`${prefix}${i}`, undefined, 3000).catch(() => undefined);
      if (cidr !== undefined) given.set(`${prefix}${i}`, cidr);
      await setTimeout(20);
    }
  })();
  return {
    given,
    async stop() {
      going = false;
      await done;
    },
  };
}

/** No address twice, and every one that was answered is still its owner's. */
async function expectSound(nodes: readonly Node[], loads: readonly ReturnType<typeof allocating>[]): Promise<void> {
  for (const { given } of loads) expect(given.size).toBeGreaterThan(0);
  const all = loads.flatMap(({ given }) => [...given.values()]);
  expect(new Set(all).size).toBe(all.length);
  for (const [index, { given }] of loads.entries()) {
    for (const [id, cidr] of given) expect(await nodes[index]!.allocate(id)).toBe(cidr);
  }
}

/** Of pings that were interrupted: only the last may lack its answer, which was on its way. */
function expectAllAnswered(log: string): void {
  const answered = [...log.matchAll(/icmp_seq=(\d+) ttl/g)].map(([, number]) => Number(number));
  expect(answered).toEqual(answered.map((_, i) => i + 1));
  const sent = Number(/(\d+) packets transmitted/.exec(log)?.[1]);
  expect(answered.length).toBeGreaterThanOrEqual(sent - 1);
}

scenario(
  "kill -9 of each daemon in turn, under load, loses no address, gives none twice, and stops no one else's traffic",
  { hosts: ["a", "b", "c"] },
  async ({ nodes, node, linked }) => {
    await linked(2);
    const addresses = Object.fromEntries(
      await Promise.all(nodes.map(async (one) => [one.name, await one.attach("c1")] as const)),
    );
    for (const one of ["b", "c"]) await waitUntilReachable(node("a").container("c1"), addresses[one]!, 20_000);
    const loads = nodes.map((one) => allocating(one, `load-${one.name}-`));
    for (const one of nodes) {
      const others = nodes.filter((other) => other !== one);
      const pings = await others[0]!
        .container("c1")
        .spawn("ping", ["-n", "-i", "0.05", addresses[others[1]!.name]!], { name: `bystander-${one.name}` });
      await one.crash();
      const since = performance.now();
      await one.start();
      await waitUntilReachable(others[0]!.container("c1"), addresses[one.name]!, 20_000);
      figure(`${one.name} was killed; seconds until its container is reached`, seconds(since));
      await linked(2);
      pings.kill("SIGINT");
      await pings.exited;
      expectAllAnswered(pings.log());
    }
    for (const load of loads) await load.stop();
    figure(
      "addresses given meanwhile",
      loads.reduce((sum, { given }) => sum + given.size, 0),
    );
    await expectSound(nodes, loads);
  },
);

scenario(
  "a partition of a minute loses no address and gives none twice; recovery takes seconds",
  { hosts: ["a", "b", "c"] },
  async ({ nodes, node, linked, lab }) => {
    await linked(2);
    await Promise.all(nodes.map((one) => one.allocate("first")));
    const to = await node("c").attach("c1");
    await node("a").attach("c1");
    const loads = nodes.map((one) => allocating(one, `load-${one.name}-`));
    await lab.faults.partition(["a", "b"], ["c"]);
    await setTimeout(60_000);
    const during = loads.map(({ given }) => given.size);
    await lab.faults.heal();
    const since = performance.now();
    await linked(2, undefined, 60_000);
    await waitUntilReachable(node("a").container("c1"), to, 30_000);
    figure("seconds after the partition until all links and traffic are back", seconds(since));
    for (const load of loads) await load.stop();
    for (const count of during) expect(count).toBeGreaterThan(0);
    await expectSound(nodes, loads);
  },
);

scenario(
  "a full disk makes requests wait, and never makes an answer untrue",
  { hosts: ["a"], start: [] },
  async ({ node }) => {
    const a = node("a");
    const dir = `${a.host.dir}/small`;
    await a.host.must("mkdir", ["-p", dir]);
    await a.host.must("mount", ["-t", "tmpfs", "-o", "size=256k", "tmpfs", dir]);
    try {
      await a.start({ flags: [`--db-prefix=${dir}/weave`, "--ipalloc-init=consensus=1"] });
      const before = await a.allocate("before");
      await a.host.exec("dd", ["if=/dev/zero", `of=${dir}/ballast`, "bs=4k", "count=64"]);
      const late = a.allocate("late", undefined, 60_000);
      const waits = await Promise.race([late.then(() => false), setTimeout(2000, true)]);
      expect(waits).toBe(true);
      expect(a.log()).toMatch(/cannot (?:be )?sav|no space|ENOSPC/i);
      await a.host.must("rm", [`${dir}/ballast`]);
      const since = performance.now();
      const answered = await late;
      figure("seconds from room on the disk to the answer", seconds(since));
      await a.crash();
      await a.start();
      expect(await a.allocate("before")).toBe(before);
      expect(await a.allocate("late")).toBe(answered);
    } finally {
      await a.crash();
      await a.host.must("umount", [dir]);
    }
  },
);

scenario(
  "a host clock that jumps by an hour cuts no link; the other side says so, and names are right once it is back",
  { hosts: ["a", "b"], needs: ["faketime"] },
  async ({ node, linked }) => {
    const [a, b] = [node("a"), node("b")];
    await linked(1);
    const [from, to] = [await a.attach("c1"), await b.attach("c1")];
    expect(from).not.toBe(to);
    await waitUntilReachable(a.container("c1"), to, 20_000);
    await b.stop();
    b.host.setClockSkew(3600);
    await b.start();
    await linked(1);
    await waitUntilReachable(a.container("c1"), to, 20_000);
    const fresh = await Promise.all([a.allocate("x"), b.allocate("y")]);
    expect(new Set(fresh.map(bare)).size).toBe(2);
    await b.call("PUT", `/name/skewed/${to}`, { form: [["fqdn", "skewed.weave.local"]] });
    await waitFor("somebody says so", () => /clock|skew/i.test(a.log()), 45_000, 100);
    await linked(1);
    await b.stop();
    b.host.setClockSkew(0);
    await b.start();
    await linked(1);
    await b.call("PUT", `/name/right/${to}`, { form: [["fqdn", "right.weave.local"]] });
    await waitFor("names pass", async () => (await a.resolve("right.weave.local")).length === 1, 15_000, 50);
  },
);
