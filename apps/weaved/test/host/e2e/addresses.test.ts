import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { waitFor, waitUntilReachable } from "@weaved/netlab";
import { expect, it } from "vitest";
import type { Node } from "./cluster.ts";
import { figure, scenario, scenarios, seconds } from "./scenario.ts";

const bare = (cidr: string) => cidr.split("/")[0]!;
const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
/** Addresses that a node's status accounts for, or those of one owner. */
async function sizeOf(node: Node, owner?: Node): Promise<number> {
  const { Entries } = (await node.report()).IPAM as { Entries: { Size: number; Peer: string }[] };
  const counted = owner === undefined ? Entries : Entries.filter(({ Peer }) => Peer === owner.peerName);
  return counted.reduce((sum, { Size }) => sum + Size, 0);
}
/** The same in percent of the range. */
const accounted = async (node: Node) => ((await sizeOf(node)) / 65_536) * 100;
/** Takes all that a stopped node had written. */
const wipe = (node: Node) => {
  for (const file of readdirSync(node.host.dir)) if (file.startsWith("weave-")) rmSync(join(node.host.dir, file));
};
/** The state of a promise after a while. */
const pending = (promise: Promise<unknown>, ms: number) =>
  Promise.race([promise.then(() => false), wait(ms).then(() => true)]);

scenarios("addresses over three hosts", { hosts: ["a", "b", "c"], containers: 2 }, (cluster) => {
  const node = (name: string) => cluster().node(name);

  it("are distinct, the same again for the same container, and add up (100)", async () => {
    await cluster().linked(2);
    const start = performance.now();
    const asked = [...Array(300)].map((_, i) => node("abc"[i % 3]!).allocate(`load${i}`));
    const got = await Promise.all(asked);
    figure("300 addresses over three hosts at once, seconds, the vote for the ring included", seconds(start));
    expect(new Set(got.map(bare)).size).toBe(300);
    expect(await node("a").allocate("load0")).toBe(got[0]);
    for (const name of ["a", "b", "c"]) expect(await accounted(node(name))).toBe(100);
    expect(await node("a").status("ipam")).toMatch(/00:00:00:00:00:01\(a\)/);
  });

  it("that move to another container are reachable at once (300)", async () => {
    const [a, b] = [node("a"), node("b")];
    const [from, to] = [a.reference("c1"), b.reference("c1")];
    await a.weave("attach", "ip:10.60.0.1/24", from);
    await b.weave("attach", "ip:10.60.0.2/24", to);
    await waitUntilReachable(a.container("c1"), "10.60.0.2", 10_000);
    await b.weave("detach", "ip:10.60.0.2/24", to);
    await b.weave("attach", "ip:10.60.0.2/24", b.reference("c2"));
    const { received } = await a.container("c1").ping("10.60.0.2", { count: 3, intervalMs: 200, waitMs: 1000 });
    expect(received).toBe(3);
    await b.weave("detach", "ip:10.60.0.2/24", b.reference("c2"));
    await node("c").weave("attach", "ip:10.60.0.2/24", node("c").reference("c1"));
    expect((await a.container("c1").ping("10.60.0.2", { count: 3, waitMs: 1000 })).received).toBe(3);
  });

  it("come several to a container, of all kinds, and are taken away one by one (500)", async () => {
    const a = node("a");
    const words = ["ip:10.71.0.1/24", "net:10.32.128.0/24", "net:default", a.reference("c2")];
    const [fixed, subnet, own] = (await a.weave("attach", ...words)).trim().split(" ");
    expect(fixed).toBe("10.71.0.1");
    expect(subnet).toMatch(/^10\.32\.128\./);
    const listed = await a.weave("ps", a.reference("c2"));
    for (const address of [fixed, subnet, own]) expect(listed).toContain(`${address}/`);
    expect((await a.weave("detach", "net:10.32.128.0/24", a.reference("c2"))).trim()).toBe(subnet);
    expect((await a.weave("attach", "net:10.32.128.0/24", a.reference("c2"))).trim()).toBe(subnet);
    // Without an address the default subnet is meant, which here is the whole range.
    expect((await a.weave("detach", a.reference("c2"))).trim().split(" ").sort()).toEqual(
      [...new Set([subnet, own])].sort(),
    );
    await a.weave("detach", "ip:10.71.0.1/24", a.reference("c2"));
    expect((await a.container("c2").exec("ip", ["link", "show", "ethwe"])).code).not.toBe(0);
    for (const wrong of ["ip:10.71.0.1/33", "net:10.32.128.1/24", "net:10.32.128.0/31"])
      expect((await a.tryWeave("attach", wrong, a.reference("c2"))).code).toBe(1);
  });

  it("survive restarts, the exposed one of the host included; a forgotten container's is free again (370)", async () => {
    const a = node("a");
    const exposed = (await a.weave("expose")).trim();
    const own = (await a.weave("attach", a.reference("c2"))).trim();
    const kept = await a.allocate("kept");
    await a.crash();
    await a.start();
    expect((await a.weave("expose")).trim()).toBe(exposed);
    expect(await a.allocate("kept")).toBe(kept);
    expect(await a.weave("ps", a.reference("c2"))).toContain(`${own}/`);
    expect((await a.host.must("ip", ["-4", "-br", "address", "show", "weave"])).trim()).toContain(exposed);
    const held = () => a.call("GET", "/ip");
    expect(await held()).toContain(`${own}/`);
    await a.stop();
    await a.container("c2").kill();
    await a.start();
    expect(await held()).not.toContain(`${own}/`);
  });

  it("of a host that died are taken over by one that is told to; everybody can allocate (335)", async () => {
    await cluster().linked(2);
    // A third, or, where the other two had voted before it was heard of, what they gave it.
    const owned = await sizeOf(node("a"), node("c"));
    expect(owned).toBeGreaterThan(0);
    await node("c").crash();
    const out = await node("a").weave("rmpeer", "c");
    expect(Number(/^(\d+) IPs taken over/.exec(out)?.[1])).toBe(owned);
    const taken = async () => !(await node("b").status("ipam")).includes("(c)");
    await waitFor("b has heard of it", taken, 10_000, 50);
    for (const name of ["a", "b"]) expect(await accounted(node(name))).toBe(100);
    await node("b").allocate("after");
  });
});

scenario(
  "addresses in use are claimed back after all state is lost, even from another peer (320)",
  { hosts: ["a", "b"], containers: 2, each: { b: { flags: ["--ipalloc-init=seed=00:00:00:00:00:01"] } } },
  async ({ node, linked }) => {
    const [a, b] = [node("a"), node("b")];
    await linked(1);
    const own = (await b.weave("attach", b.reference("c1"))).trim();
    await b.stop();
    wipe(b);
    // The other host holds all space meanwhile, so the address has to be asked back.
    await a.weave("rmpeer", "b");
    await b.start();
    await linked(1);
    await b.call("PUT", `/ip/c1-again/${own}/16`);
    const others = await Promise.all([...Array(40)].map((_, i) => b.allocate(`x${i}`)));
    expect(others.map(bare)).not.toContain(own);
  },
);

scenario(
  "a claim inside the range waits while there is no ring, one outside does not (320)",
  { hosts: ["a", "b"], start: ["a"], all: { flags: ["--ipalloc-init=consensus=2"] } },
  async ({ node, linked }) => {
    const [a, b] = [node("a"), node("b")];
    await a.call("PUT", "/ip/outside/192.168.9.9/24");
    const inside = a.call("PUT", "/ip/inside/10.32.7.7/16");
    expect(await pending(inside, 1500)).toBe(true);
    // What needs no ring does not wait for one (510).
    expect(await a.weave("hide")).toBe("");
    await b.start({ peers: ["a"] });
    await linked(1);
    await inside;
    expect(await a.call("GET", "/ip/inside/10.32.0.0/16")).toContain("10.32.7.7");
  },
);

scenario(
  "peers are reset and started anew one after the other, and still allocate (330)",
  { hosts: ["a", "b"] },
  async ({ node, linked }) => {
    const [a, b] = [node("a"), node("b")];
    await linked(1);
    await Promise.all([a.allocate("x"), b.allocate("y")]);
    for (const one of [a, b]) {
      // As `weave reset` does: hand over, then forget.
      await one.call("DELETE", "/peer");
      await one.stop();
      wipe(one);
      await one.start({ peers: [one === a ? "b" : "a"] });
      await linked(1);
      await one.allocate("again");
    }
    expect(await accounted(a)).toBe(100);
  },
);

scenario(
  "one elector and an observer are no quorum of two, a second elector is (340)",
  { hosts: ["a", "b", "c"], start: ["a", "b"], each: { b: { flags: ["--ipalloc-init=observer"] } } },
  async ({ node, linked }) => {
    const [a, b, c] = [node("a"), node("b"), node("c")];
    await a.stop();
    await a.start({ flags: ["--ipalloc-init=consensus=3"] });
    await linked(1, ["a", "b"]);
    const asked = a.allocate("x", undefined, 60_000);
    expect(await pending(asked, 2000)).toBe(true);
    await c.start({ peers: ["a"], flags: ["--ipalloc-init=consensus=3"] });
    await asked;
    await b.allocate("y");
  },
);

scenario(
  "an allocation on an observer makes the electors vote (350)",
  { hosts: ["a", "b", "c"], each: { c: { flags: ["--ipalloc-init=observer"] } } },
  async ({ node, linked }) => {
    await linked(2);
    expect((await node("a").report()).IPAM.Entries ?? []).toEqual([]);
    await node("c").allocate("x");
    expect(await accounted(node("a"))).toBe(100);
  },
);

scenario(
  "peers whose rings were made apart stay connected and say so (360)",
  { hosts: ["a", "b"], each: { b: { peers: [] } }, all: { flags: ["--ipalloc-init=consensus=1"] } },
  async ({ node, linked }) => {
    const [a, b] = [node("a"), node("b")];
    await Promise.all([a.allocate("x"), b.allocate("y")]);
    const told = () => a.log().includes("seeded differently from ours");
    expect(told()).toBe(false);
    await a.weave("connect", b.host.address);
    await linked(1);
    await waitFor("a line in the log", told, 15_000, 100);
    await linked(1);
    await Promise.all([a.allocate("x2"), b.allocate("y2")]);
  },
);

scenario(
  "networks made apart become one by a command, which keeps what it can and names the rest",
  { hosts: ["a", "b"], each: { b: { peers: [] } }, all: { flags: ["--ipalloc-init=consensus=1"] } },
  async ({ node, linked }) => {
    const [a, b] = [node("a"), node("b")];
    const [x, y] = (await Promise.all([a.allocate("x"), b.allocate("y")])).map(bare);
    expect(x).toBe(y);
    await b.call("PUT", "/ip/kept/10.32.77.7/16");
    const { code, err } = await b.tryWeave("merge");
    expect(code).toBe(1);
    expect(err).toContain("no ring of another network");
    await a.weave("connect", b.host.address);
    await linked(1);
    const merged = async () => (await b.tryWeave("merge")).out;
    let out = "";
    const done = async () => {
      out = await merged();
      return out !== "";
    };
    await waitFor("b has heard of the other network", done, 15_000, 100);
    expect(out.split("\n")).toEqual([
      "10.32.77.7 kept",
      `${x} is in use there, too: give its container another one`,
      "",
    ]);
    const agreed = async () => (await accounted(a)) === 100 && (await accounted(b)) === 100;
    await waitFor("both know the whole range", agreed, 10_000, 100);
    expect(await b.call("GET", "/ip/kept/10.32.0.0/16")).toContain("10.32.77.7");
    expect((await a.tryWeave("merge")).code).toBe(1);
    const others = await Promise.all([...Array(20)].map((_, i) => (i % 2 ? a : b).allocate(`later${i}`)));
    expect(new Set([x, "10.32.77.7", ...others.map(bare)]).size).toBe(22);
  },
);

scenario(
  "a reserved address is its owner's on whatever host it runs, and nobody else's",
  { hosts: ["a", "b"], all: { flags: ["--ipalloc-init=consensus=2", "--ipalloc-reservations=db=10.32.0.1"] } },
  async ({ node, linked }) => {
    const [a, b] = [node("a"), node("b")];
    await linked(1);
    expect((await Promise.all([a.allocate("x"), b.allocate("y")])).map(bare)).not.toContain("10.32.0.1");
    for (const one of [b, a, b]) {
      expect(await one.allocate("db")).toBe("10.32.0.1/16");
      await one.call("DELETE", "/ip/db");
    }
  },
);

scenario(
  "another range at the next start drops what was known (362)",
  { hosts: ["a"], all: { flags: ["--ipalloc-init=consensus=1"] } },
  async ({ node }) => {
    const a = node("a");
    expect(await a.allocate("x")).toMatch(/^10\.32\./);
    await a.stop();
    await a.start({ flags: ["--ipalloc-init=consensus=1", "--ipalloc-range=10.2.0.0/16"] });
    expect(await a.allocate("x")).toBe("10.2.0.1/16");
  },
);

scenario(
  "two peers seeded alike allocate at once without a connection, and can be connected later (380)",
  {
    hosts: ["a", "b"],
    each: { b: { peers: [] } },
    all: { flags: ["--ipalloc-init=seed=00:00:00:00:00:01,00:00:00:00:00:02"] },
  },
  async ({ node, linked }) => {
    const [a, b] = [node("a"), node("b")];
    const [x, y] = await Promise.all([a.allocate("x"), b.allocate("y")]);
    expect(x).not.toBe(y);
    await a.weave("connect", b.host.address);
    await linked(1);
    expect(await accounted(a)).toBe(100);
    // Under another name the old data is not its own.
    await b.stop();
    await b.start({ flags: ["--name=00:00:00:00:00:0f", "--ipalloc-init=observer"], peers: ["a"] });
    await linked(1);
    expect(await b.allocate("z")).not.toBe(x);
  },
);
