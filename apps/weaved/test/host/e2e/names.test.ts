import { waitFor } from "@weaved/netlab";
import { expect, it } from "vitest";
import type { Node } from "./cluster.ts";
import { figure, scenario, scenarios, seconds } from "./scenario.ts";

/** Waits until a node's DNS server gives exactly these answers. */
async function answers(node: Node, name: string, ...expected: string[]): Promise<void> {
  await answersWithin(10_000, node, name, ...expected);
}

async function answersWithin(deadlineMs: number, node: Node, name: string, ...expected: string[]): Promise<void> {
  const wanted = expected.toSorted().join(" ");
  const same = async () => (await node.resolve(name)).join(" ") === wanted;
  await waitFor(`${node.name} answers ${name} with [${wanted}]`, same, deadlineMs, 50);
}

/** The next periodic gossip mends what a restart that overtakes the news of the crash leaves behind (docs/protocol/constants.md#21). */
const PERIODIC_GOSSIP_MS = 30_000;

const status = async (node: Node, ...dig: string[]): Promise<string> => {
  const { stdout } = await node.host.exec("dig", ["+time=2", "+tries=1", "@127.0.0.1", ...dig]);
  return /status: (\w+)/.exec(stdout)?.[1] ?? "";
};

scenarios("names of containers", { hosts: ["a", "b", "c"], containers: 2 }, (cluster) => {
  const node = (name: string) => cluster().node(name);
  const address: Record<string, string> = {};

  it("resolve on the same host and on others, forward and reverse (200, 210)", async () => {
    await cluster().linked(2);
    for (const name of ["a", "b", "c"]) address[name] = await node(name).run("c1", "data");
    const since = performance.now();
    for (const name of ["a", "b", "c"]) await answers(node(name), "data.weave.local", ...Object.values(address));
    figure("seconds until three hosts know three addresses of a name", seconds(since));
    expect(await node("b").resolve(address.a!, "-x")).toEqual(["data.weave.local."]);
  });

  it("ignore case, keep the asker's spelling (245)", async () => {
    expect((await node("a").resolve("DaTa.Weave.LOCAL")).length).toBe(3);
    const { stdout } = await node("a").host.exec("dig", ["+noall", "+answer", "@127.0.0.1", "DaTa.weave.local"]);
    expect(stdout).toContain("DaTa.weave.local.");
  });

  it("may be added for a container, one of its addresses, or a bare address, and removed (240)", async () => {
    const a = node("a");
    await a.weave("dns-add", "10.99.0.7", "-h", "printer.weave.local");
    await answers(node("c"), "printer.weave.local", "10.99.0.7");
    await a.weave("dns-remove", "10.99.0.7", "-h", "printer.weave.local");
    await answers(node("c"), "printer.weave.local");
    const own = (await a.weave("attach", a.reference("c2"))).trim();
    await a.weave("dns-add", a.reference("c2"), "-h", "extra.weave.local");
    await answers(node("b"), "extra.weave.local", own);
    await a.weave("dns-remove", a.reference("c2"), "-h", "extra.weave.local");
    await answers(node("b"), "extra.weave.local");
  });

  it("in sub-domains resolve, and single labels through search lists (225, 230)", async () => {
    const a = node("a");
    await a.call("PUT", `/name/sub-a/10.32.200.1`, { form: [["fqdn", "db.prod.weave.local"]] });
    await answers(node("b"), "db.prod.weave.local", "10.32.200.1");
    expect(await a.resolve("db", "+search", "+domain=prod.weave.local")).toEqual(["10.32.200.1"]);
    expect((await a.resolve("data")).length).toBe(3);
  });

  it("answer other types without data, unknown names with NXDOMAIN (250)", async () => {
    expect(await status(node("a"), "data.weave.local", "MX")).toBe("NOERROR");
    expect(await node("a").resolve("data.weave.local", "MX")).toEqual([]);
    expect(await status(node("a"), "nobody.weave.local")).toBe("NXDOMAIN");
  });

  it("with fifty addresses are answered in full over UDP and TCP, truncated where the buffer is small (295)", async () => {
    const a = node("a");
    for (let i = 1; i <= 50; i++)
      await a.call("PUT", `/name/many${i}/10.32.201.${i}`, { form: [["fqdn", "many.weave.local"]] });
    await waitFor("b knows them", async () => (await node("b").resolve("many.weave.local")).length === 50, 10_000);
    for (const how of ["+tcp", "+bufsize=700", "+bufsize=4096", "+noedns"])
      expect((await node("b").resolve("many.weave.local", how)).length).toBe(50);
    const { stdout } = await a.host.exec("dig", ["+ignore", "+bufsize=700", "@127.0.0.1", "many.weave.local"]);
    expect(stdout).toMatch(/flags:[^;]* tc/);
  });

  it("are there again after a restart of their daemon, and not doubled (255)", async () => {
    await node("b").crash();
    await node("b").start();
    await cluster().linked(2);
    const deadlineMs = PERIODIC_GOSSIP_MS + 10_000;
    for (const name of ["a", "b", "c"])
      await answersWithin(deadlineMs, node(name), "data.weave.local", ...Object.values(address));
    await answers(node("a"), "again.weave.local", await node("b").run("c2", "again"));
  });

  it("of a host that dies go within seconds (260)", async () => {
    await node("c").crash();
    const since = performance.now();
    const left = async () => !(await node("a").resolve("data.weave.local")).includes(address.c!);
    await waitFor("its address is gone", left, 30_000, 50);
    figure("seconds until the names of a host that was killed are gone", seconds(since));
  });
});

scenario(
  "names removed during a partition, by a daemon restarted meanwhile, do not come back (215)",
  { hosts: ["a", "b"] },
  async ({ node, linked, lab }) => {
    const [a, b] = [node("a"), node("b")];
    await linked(1);
    const stale = await a.run("c1", "stale");
    await answers(b, "stale.weave.local", stale);
    await lab.faults.partition(["a"], ["b"]);
    await a.call("DELETE", `/name/c1-a/${stale}`);
    await a.stop();
    await a.start();
    await lab.faults.heal();
    await a.weave("connect", b.host.address);
    await linked(1, undefined, 40_000);
    await answers(b, "stale.weave.local");
  },
);

scenario(
  "a cut of 20 seconds loses no name and leaves no ghost",
  { hosts: ["a", "b"], containers: 2 },
  async ({ node, linked, lab }) => {
    const [a, b] = [node("a"), node("b")];
    await linked(1);
    const [one, two] = [await a.run("c1", "one"), await b.run("c1", "two")];
    await answers(b, "one.weave.local", one);
    await answers(a, "two.weave.local", two);
    await lab.faults.partition(["a"], ["b"]);
    await new Promise((resolve) => setTimeout(resolve, 20_000));
    await a.call("DELETE", `/name/c1-a/${one}`);
    const late = await b.run("c2", "late");
    await lab.faults.heal();
    const since = performance.now();
    await answers(a, "two.weave.local", two);
    await answers(a, "late.weave.local", late);
    await answers(b, "one.weave.local");
    figure("seconds after a healed cut until names are as they should be", seconds(since));
  },
);

scenario(
  "a domain of one's own serves with and without the dot at its end (220)",
  { hosts: ["a"], all: { flags: ["--dns-domain=foo.bar."] } },
  async ({ node }) => {
    const a = node("a");
    await a.call("PUT", `/name/x/10.32.0.9`, { form: [["fqdn", "web.foo.bar"]] });
    expect(await a.resolve("web.foo.bar")).toEqual(["10.32.0.9"]);
    expect(await a.resolve("web.foo.bar.")).toEqual(["10.32.0.9"]);
    expect((await a.weave("dns-args")).trim()).toMatch(/--dns-search=foo\.bar\.?$/);
  },
);

scenario(
  "no DNS, if that is wanted: nothing listens, dns-args says nothing (205)",
  { hosts: ["a"], all: { flags: ["--no-dns"] } },
  async ({ node }) => {
    expect(await node("a").weave("dns-args")).toBe("");
    expect(await node("a").host.must("ss", ["-Hlun", "sport = :53"])).toBe("");
  },
);

scenario(
  "other names are answered by the host's resolver; a dead one does not hold up ours (290)",
  { hosts: ["a", "b"], start: [] },
  async ({ node }) => {
    const [a, b] = [node("a"), node("b")];
    // An upstream of our own kind: what is ours there is foreign to a.
    await b.start({ flags: ["--dns-domain=example.org.", `--dns-clients=${a.host.address}/32`] });
    await b.call("PUT", `/name/x/192.0.2.80`, { form: [["fqdn", "www.example.org"]] });
    const resolvConf = a.host.writeFile("upstream.conf", `nameserver ${b.host.address}\n`);
    await a.start({ flags: [`--resolv-conf=${resolvConf}`], peers: [] });
    expect(await a.resolve("www.example.org")).toEqual(["192.0.2.80"]);
    expect(await status(a, "nowhere.example.org")).toBe("NXDOMAIN");
    await a.call("PUT", `/name/x/10.32.0.9`, { form: [["fqdn", "web.weave.local"]] });
    await b.crash();
    const asked = a.resolve("www.example.org");
    const since = performance.now();
    expect(await a.resolve("web.weave.local")).toEqual(["10.32.0.9"]);
    expect(performance.now() - since).toBeLessThan(1000);
    expect(await asked).toEqual([]);
  },
);
