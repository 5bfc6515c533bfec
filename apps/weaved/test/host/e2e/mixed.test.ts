import { waitFor, waitUntilReachable } from "@weaved/netlab";
import { expect, it } from "vitest";
import { type Cluster, type Kind, type Node, whyNoOriginal } from "./cluster.ts";
import { figure, scenarios, seconds } from "./scenario.ts";

const kinds = (text: string): Record<string, Kind> =>
  Object.fromEntries([...text].map((letter, i) => ["abc"[i]!, letter === "O" ? "original" : "weaved"]));

async function reach(from: Node, to: string, deadlineMs = 20_000): Promise<void> {
  await waitUntilReachable(from.container("c1"), to, deadlineMs);
}

async function resolves(node: Node, name: string, addresses: readonly string[], deadlineMs = 5000): Promise<void> {
  const wanted = addresses.toSorted().join(" ");
  const same = async () => (await node.resolve(name)).join(" ") === wanted;
  await waitFor(`${node.name} resolves ${name} to [${wanted}]`, same, deadlineMs, 20);
}

/** Shares of the range by owner, as a node's status has them; must add up. */
async function owners(node: Node): Promise<Record<string, number>> {
  const { Entries } = (await node.report()).IPAM as { Entries: { Nickname: string; Size: number }[] };
  const shares: Record<string, number> = {};
  for (const { Nickname, Size } of Entries) shares[Nickname] = (shares[Nickname] ?? 0) + Size;
  return shares;
}

/** O: the original, W: weaved. The second of each row is who relays between the first and the third. */
for (const [row, flags] of [
  ["OWO", []],
  ["WOW", []],
  ["OWO", ["--password=correct-horse-battery"]],
  ["WOW", ["--password=correct-horse-battery"]],
] as const) {
  const kind = kinds(row);
  const each = Object.fromEntries(Object.entries(kind).map(([name, one]) => [name, { kind: one }]));
  // Originals have no fast path in a lab, and the MTU of containers must be the same on all hosts.
  const scene = {
    hosts: ["a", "b", "c"],
    all: { flags: ["--no-fastdp", "--ipalloc-init=consensus=3", ...flags] },
    each,
    containers: 2,
    skip: whyNoOriginal,
  };
  scenarios(`a mixed network ${row}, ${flags.length > 0 ? "sealed" : "plain"}`, scene, (cluster) =>
    behaviours(cluster, kind),
  );
}

function behaviours(cluster: () => Cluster, kind: Record<string, Kind>): void {
  const node = (name: string) => cluster().node(name);
  const all = () => cluster().nodes;
  const address: Record<string, string> = {};

  it("finds itself: everybody has links to everybody", async () => {
    await cluster().linked(2, undefined, 40_000);
    for (const one of all())
      expect((await one.status("peers")).split("\n").filter((l) => /^\S/.test(l)).length).toBe(3);
  });

  it("hands out distinct addresses that add up, donated in every direction", async () => {
    const got = await Promise.all(
      all().flatMap((one) => [...Array(20)].map((_, i) => one.allocate(`x${i}${one.name}`))),
    );
    expect(new Set(got).size).toBe(60);
    for (const one of all()) {
      const shares = await owners(one);
      expect(Object.values(shares).reduce((sum, size) => sum + size, 0)).toBe(65_536);
      expect(Object.keys(shares).sort()).toEqual(["a", "b", "c"]);
    }
  });

  it("carries pings, 60 kB of UDP, and TCP both ways between all", async () => {
    for (const one of all()) address[one.name] = await one.attach("c1");
    for (const from of all()) for (const to of all()) if (from !== to) await reach(from, address[to.name]!);
    // The first one may be what finds out how much the path takes.
    await node("a").container("c1").ping(address.b!, { bytes: 60_000, count: 2, waitMs: 1000 });
    const large = await node("a").container("c1").ping(address.b!, { bytes: 60_000, count: 3, waitMs: 2000 });
    expect(large.received).toBe(3);
    for (const [from, to] of [
      ["a", "b"],
      ["b", "a"],
    ] as const) {
      const { bitsPerSecond } = await node(from)
        .container("c1")
        .iperf(node(to).container("c1"), { seconds: 1, address: address[to]! });
      figure(`${kind[from]} to ${kind[to]}, TCP`, `${(bitsPerSecond / 1e6).toFixed(0)} Mbit/s`);
      expect(bitsPerSecond).toBeGreaterThan(5e6);
    }
  });

  it("resolves names of either side on the other within a second; removed ones go", async () => {
    for (const one of all()) {
      const fqdn = [["fqdn", `on-${one.name}.weave.local`]] as const;
      const since = performance.now();
      await one.call("PUT", `/name/c1-${one.name}/${address[one.name]}`, { form: fqdn });
      for (const other of all()) await resolves(other, `on-${one.name}.weave.local`, [address[one.name]!], 2000);
      figure(`a name of ${kind[one.name]} known everywhere, seconds`, seconds(since));
      await one.call("DELETE", `/name/c1-${one.name}/${address[one.name]}`);
      for (const other of all()) await resolves(other, `on-${one.name}.weave.local`, []);
    }
  });

  it("relays through the middle when there is no direct way", async () => {
    await cluster().lab.faults.cut("a", "c");
    const since = performance.now();
    const lost = async () => !(await node("a").status("connections")).match(/ established .*\(c\)/);
    await waitFor("a and c have lost each other", lost, 90_000, 200);
    await reach(node("a"), address.c!, 30_000);
    figure(`reached through ${kind.b} after the direct way was cut, seconds`, seconds(since));
    const { received } = await node("a").container("c1").ping(address.c!, { count: 20, intervalMs: 20 });
    expect(received).toBe(20);
    await cluster().lab.faults.heal();
    await cluster().linked(2, undefined, 90_000);
  });

  it("takes either kind back after it was killed, with the names there are and none that were removed", async () => {
    await node("c").call("PUT", `/name/c1-c/${address.c}`, { form: [["fqdn", "kept.weave.local"]] });
    for (const name of ["a", "b"]) {
      await node(name).crash();
      await node(name).start();
      await cluster().linked(2, undefined, 60_000);
      const other = name === "a" ? "b" : "a";
      await reach(node(other), address[name]!, 40_000);
    }
    for (const one of all()) {
      await resolves(one, "kept.weave.local", [address.c!]);
      for (const name of ["a", "b", "c"]) expect(await one.resolve(`on-${name}.weave.local`)).toEqual([]);
    }
  });

  it("lets either kind take over the addresses of the other that died", async () => {
    await node("c").crash();
    const gone = async () => !(await node("b").status("peers")).includes("(c)");
    await waitFor("c is gone from the topology", gone, 60_000, 200);
    expect(await node("b").call("DELETE", "/peer/c")).toMatch(/^[1-9]\d* IPs taken over from c/);
    for (const one of [node("a"), node("b")]) {
      const without = async () => !("c" in (await owners(one)));
      await waitFor(`${one.name} has heard of it`, without, 20_000, 100);
      await one.allocate("later");
    }
  });
}
