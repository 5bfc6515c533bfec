/* Two hosts, each with a real Docker engine and the network plugin. */
import { dockerImage, waitFor, whyNoLab } from "@weaved/netlab";
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFailed } from "vitest";
import { type EngineCluster, type EngineNode, startEngines } from "./engines.ts";

const why = whyNoLab(["docker", "dns"]);

let hosts: EngineCluster;
let a: EngineNode;
let b: EngineNode;
beforeAll(async () => {
  if (why) return;
  hosts = await startEngines(["a", "b"], ["--plugin"]);
  [a, b] = hosts.nodes as [EngineNode, EngineNode];
  await hosts.cluster.linked(1);
  for (const one of hosts.nodes)
    await waitFor(
      "there is the default network",
      async () => (await one.docker("network", "ls")).includes("weavemesh"),
      10_000,
    );
});
afterAll(() => hosts?.cluster.close());
beforeEach((ctx) => {
  if (why) ctx.skip(why);
  onTestFailed(() => console.error(hosts.cluster.logs()));
});

/* A server that listens everywhere answers from the address nearest to the asker: here the bridge that Docker gives containers of
   plugin networks for the way out. With `weave launch` it listens on docker0's address alone. */
const resolver = "--dns=172.18.0.1";
const show = "ip -o -4 address show dev ethwe0 | awk '{print $4}'";

describe("the network plugin", () => {
  it("is in the report and in status", async () => {
    const { Plugin } = await a.node.report();
    expect(Plugin).toMatchObject({ Config: { EnableV2: false }, DriverName: "weave", MeshDriverName: "weavemesh" });
    expect(await a.node.status()).toMatch(/Service: plugin \(legacy\)\n +DriverName: weave\n/);
  });

  it("gives a container its address and routes with its first instruction", async () => {
    const seen = await a.docker(
      "run",
      "--rm",
      "--net=weave",
      dockerImage,
      "sh",
      "-c",
      `${show}; ip route show dev ethwe0`,
    );
    expect(seen).toMatch(/^10\.32\.\d+\.\d+\/16\n/);
    expect(seen).toMatch(/^224\.0\.0\.0\/4 /m);
  });

  it("joins containers of two hosts, who find each other by host name, container name, alias", async () => {
    const start = (one: EngineNode, name: string) =>
      one.docker(
        "run",
        "-d",
        "--net=weave",
        resolver,
        "--name",
        name,
        "-h",
        `host-${name}.weave.local`,
        "--network-alias",
        `alias-${name}`,
        dockerImage,
        "sleep",
        "1000",
      );
    await Promise.all([start(a, "left"), start(b, "right")]);
    for (const name of ["host-right", "right", "alias-right"])
      await waitFor(`a knows ${name}`, async () => (await a.node.resolve(`${name}.weave.local`)).length === 1, 5000);
    const ping = (one: EngineNode, from: string, to: string) =>
      one.exec(from, "ping", "-c1", "-W1", `${to}.weave.local`);
    await waitFor("left reaches right", async () => (await ping(a, "left", "right")).code === 0, 15_000);
    await waitFor("right reaches left", async () => (await ping(b, "right", "host-left")).code === 0, 5000);
  });

  it("keeps addresses and names over a restart of the daemon, and hands none out twice", async () => {
    const [before] = await a.node.resolve("left.weave.local");
    await a.node.stop();
    await a.node.start();
    await waitFor("left is named again", async () => (await a.node.resolve("left.weave.local"))[0] === before, 5000);
    const others = await Promise.all(
      [1, 2, 3].map(() => a.docker("run", "--rm", "--net=weave", dockerImage, "sh", "-c", show)),
    );
    expect(new Set([...others, `${before}/16`]).size).toBe(4);
    await waitFor(
      "left reaches right",
      async () => (await a.exec("left", "ping", "-c1", "-W1", "right.weave.local")).code === 0,
      15_000,
    );
  });

  it("takes names away when a container dies, gives addresses back when it is removed", async () => {
    const [address] = await b.node.resolve("right.weave.local");
    const devices = () => a.node.host.must("ip", ["-br", "link"]);
    expect(await devices()).toMatch(/vethw[lg]/);
    await Promise.all([a.docker("rm", "-f", "left"), b.docker("rm", "-f", "right")]);
    for (const name of ["left", "right", "host-right", "alias-right"])
      await waitFor(`${name} is gone`, async () => (await a.node.resolve(`${name}.weave.local`)).length === 0, 5000);
    await waitFor("its address is free", async () => !(await b.node.call("GET", "/ip")).includes(address!), 5000);
    expect(await devices()).not.toMatch(/vethw[lg]/);
  });

  it("serves networks with a subnet, a range, fixed addresses, and with or without multicast", async () => {
    const make = (name: string, ...args: string[]) =>
      a.docker("network", "create", "--driver=weavemesh", "--ipam-driver=weavemesh", ...args, name);
    const run = (...args: string[]) =>
      a.docker("run", "--rm", ...args, dockerImage, "sh", "-c", `${show}; ip route show 224.0.0.0/4`);
    await make("fixed", "--subnet=10.32.200.0/24", "--opt", "works.weave.multicast");
    await make(
      "ranged",
      "--subnet=10.32.201.0/24",
      "--ip-range=10.32.201.128/25",
      "--opt",
      "works.weave.multicast=false",
    );
    expect(await run("--net=fixed", "--ip=10.32.200.7")).toMatch(/^10\.32\.200\.7\/24\n224\.0\.0\.0\/4 dev ethwe0/);
    expect(await run("--net=fixed")).toMatch(/^10\.32\.200\.\d+\/24\n224/);
    expect(await run("--net=ranged")).toMatch(/^10\.32\.201\.(?:129|1[3-9]\d|2\d\d)\/24$/);
    await expect(make("odd", "--subnet=10.32.202.0/24", "--opt", "works.weave.multicast=perhaps")).rejects.toThrow(
      /invalid boolean/,
    );
    await a.docker("network", "rm", "fixed", "ranged");
  });

  it("offers the driver weave for networks that Docker's own cluster shares", async () => {
    const call = (method: string) =>
      a.node.host.must("curl", [
        "-s",
        "-X",
        "POST",
        "--unix-socket",
        "/run/docker/plugins/weave.sock",
        `http://x/${method}`,
      ]);
    expect(JSON.parse(await call("Plugin.Activate"))).toEqual({ Implements: ["NetworkDriver"] });
    expect(JSON.parse(await call("NetworkDriver.GetCapabilities"))).toEqual({ Scope: "global" });
    // Engines of today take only managed plugins there; this one's networks are for engines that share a store.
    await expect(a.docker("network", "create", "--driver=weave", "shared")).rejects.toThrow(/swarm/);
  });
});
