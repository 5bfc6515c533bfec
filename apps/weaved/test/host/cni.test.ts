/* Two hosts without engine; namespaces as a container runtime makes them, and the executable it calls. */
import { waitFor, whyNoLab } from "@weaved/netlab";
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFailed } from "vitest";
import { type Cluster, createCluster, type Node } from "./e2e/cluster.ts";
import { figure } from "./e2e/scenario.ts";

const why = whyNoLab(["dns"]);
const program = new URL("../../bin/weave-cni", import.meta.url).pathname;

let cluster: Cluster;
let a: Node;
let b: Node;
beforeAll(async () => {
  if (why) return;
  cluster = await createCluster(["a", "b"], 0);
  [a, b] = cluster.nodes as [Node, Node];
  await a.start();
  await b.start({ peers: ["a"] });
  await cluster.linked(1);
  for (const node of cluster.nodes)
    for (const name of ["one", "two"]) await node.host.must("ip", ["netns", "add", netnsOf(node, name)]);
});
afterAll(async () => {
  for (const node of cluster?.nodes ?? [])
    for (const name of ["one", "two"]) await node.host.exec("ip", ["netns", "del", netnsOf(node, name)]);
  await cluster?.close();
});
beforeEach((ctx) => {
  if (why) ctx.skip(why);
  onTestFailed(() => console.error(cluster.logs()));
});

// biome-ignore lint/suspicious/noExplicitAny: results of a foreign format, read field by field.
type Result = { code: number; json: any; ms: number };

/** Names of namespaces are the machine's: each host of the lab has its own. */
const netnsOf = (node: Node, name: string) => `cni${process.pid}-${node.name}-${name}`;

/** Calls the plugin as `cnitool` does: environment, configuration on standard input, JSON from standard output. */
async function cni(
  node: Node,
  command: string,
  name: string,
  more: object = {},
  env: Record<string, string> = {},
): Promise<Result> {
  const conf = {
    cniVersion: "1.0.0",
    name: "weave",
    type: "weave-net",
    controlSocket: `${node.host.dir}/control`,
    ...more,
  };
  const variables = {
    CNI_COMMAND: command,
    CNI_CONTAINERID: `${name}-id`,
    CNI_NETNS: `/run/netns/${netnsOf(node, name)}`,
    CNI_IFNAME: "eth0",
    CNI_PATH: "",
    ...env,
  };
  const before = performance.now();
  const { code, stdout } = await node.host.exec(process.execPath, [program], {
    input: JSON.stringify(conf),
    env: variables,
  });
  return { code, json: stdout === "" ? undefined : JSON.parse(stdout), ms: performance.now() - before };
}

const inside = (node: Node, name: string, ...command: string[]) =>
  node.host.exec("ip", ["netns", "exec", netnsOf(node, name), ...command]);

describe("the CNI plugin", () => {
  it("attaches namespaces at distinct addresses, with a default route through the bridge", async () => {
    const one = await cni(a, "ADD", "one");
    const two = await cni(a, "ADD", "two");
    expect([one.code, two.code]).toEqual([0, 0]);
    const [address] = one.json.ips;
    expect(address.address).toMatch(/^10\.32\.\d+\.\d+\/16$/);
    expect(two.json.ips[0].address).not.toBe(address.address);
    expect((await inside(a, "one", "ip", "route")).stdout).toMatch(
      new RegExp(`^default via ${address.gateway} dev eth0`),
    );
    const mac = (await inside(a, "one", "cat", "/sys/class/net/eth0/address")).stdout.trim();
    expect(one.json.interfaces).toEqual([{ name: "eth0", mac, sandbox: `/run/netns/${netnsOf(a, "one")}` }]);
    expect((await inside(a, "one", "ping", "-c1", "-W1", address.gateway)).code).toBe(0);
    expect((await cni(a, "CHECK", "one", { prevResult: one.json })).code).toBe(0);
    figure("CNI ADD", `${one.ms.toFixed(0)} ms, then ${two.ms.toFixed(0)} ms`);
  });

  it("joins namespaces of two hosts", async () => {
    const far = (await cni(b, "ADD", "one")).json.ips[0].address.split("/")[0];
    await waitFor(
      "a/one reaches b/one",
      async () => (await inside(a, "one", "ping", "-c1", "-W1", far)).code === 0,
      15_000,
    );
  });

  it("leaves what an operator exposed as it is", async () => {
    await b.weave("expose", "--without-masquerade");
    const rules = () => b.host.must("nft", ["--stateless", "list", "table", "inet", "weave"]);
    const before = await rules();
    expect(before).not.toContain("masquerade");
    expect((await cni(b, "ADD", "two")).code).toBe(0);
    expect(await rules()).toBe(before);
  });

  it("uses subnet and routes of the configuration, hairpin as configured, a second interface", async () => {
    const env = { CNI_IFNAME: "net1" };
    const ipam = { subnet: "10.32.40.0/24", routes: [{ dst: "192.168.7.0/24", gw: "10.32.40.200" }] };
    const made = await cni(a, "ADD", "two", { ipam, hairpinMode: false }, env);
    expect(made.json).not.toHaveProperty("msg");
    expect(made.json.ips[0].address).toMatch(/^10\.32\.40\.\d+\/24$/);
    expect((await inside(a, "two", "ip", "route", "show", "dev", "net1")).stdout).toContain(
      "192.168.7.0/24 via 10.32.40.200",
    );
    const ports = JSON.parse(await a.host.must("ip", ["-j", "-d", "link", "show", "type", "bridge_slave"]));
    const hairpins = ports
      .filter((port: { ifname?: string }) => port.ifname?.startsWith("vethwepl"))
      .map((port: { linkinfo: { info_slave_data: { hairpin: boolean } } }) => port.linkinfo.info_slave_data.hairpin);
    expect(hairpins.sort()).toEqual([false, true, true]);
    expect((await cni(a, "DEL", "two", { ipam }, env)).code).toBe(0);
    expect((await inside(a, "two", "ip", "link", "show", "net1")).code).not.toBe(0);
    expect((await inside(a, "two", "ip", "link", "show", "eth0")).code).toBe(0);
  });

  it("keeps attachments over a restart of the daemon, and addresses until DEL though the namespace is gone", async () => {
    const before = (await cni(a, "CHECK", "one")).code;
    await a.stop();
    await a.start();
    expect([before, (await cni(a, "CHECK", "one")).code]).toEqual([0, 0]);
    const owned = async () => await a.call("GET", "/ip");
    await a.host.must("ip", ["netns", "del", netnsOf(a, "one")]);
    await a.stop();
    await a.start();
    expect(await owned()).toContain('"one-id"');
    expect((await cni(a, "CHECK", "one")).json).toMatchObject({ code: 101 });
    expect((await cni(a, "DEL", "one")).code).toBe(0);
    expect(await owned()).not.toContain('"one-id"');
    expect((await cni(a, "DEL", "one")).code).toBe(0);
  });

  it("answers errors in CNI's form", async () => {
    expect(await cni(a, "ADD", "nowhere")).toMatchObject({
      code: 1,
      json: { code: 100, msg: expect.stringMatching(/namespace/) },
    });
    expect(await a.call("GET", "/ip")).not.toContain("nowhere");
    expect((await cni(a, "VERSION", "one")).json.supportedVersions).toContain("1.0.0");
    await a.stop();
    expect(await cni(a, "ADD", "two")).toMatchObject({
      code: 1,
      json: { code: 11, msg: expect.stringMatching(/does not answer/) },
    });
  });
});
