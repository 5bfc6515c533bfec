/* Two hosts, each with a real Docker engine and a daemon that follows it. */
import { waitFor, whyNoLab } from "@weaved/netlab";
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFailed } from "vitest";
import { type EngineCluster, type EngineNode, sleeper, startEngines } from "./engines.ts";

const why = whyNoLab(["docker", "dns"]);

let hosts: EngineCluster;
let a: EngineNode;
let b: EngineNode;
beforeAll(async () => {
  if (why) return;
  hosts = await startEngines(["a", "b"], []);
  [a, b] = hosts.nodes as [EngineNode, EngineNode];
});
afterAll(() => hosts?.cluster.close());
beforeEach((ctx) => {
  if (why) ctx.skip(why);
  onTestFailed(() => console.error(hosts.cluster.logs()));
});

describe("a running container", () => {
  it("is attached by name, listed by name, known in DNS", async () => {
    const id = await sleeper(a, "one", "--hostname", "one.weave.local");
    const address = await a.weave("attach", "one");
    expect(address).toMatch(/^10\.32\.\d+\.\d+$/);
    expect(await a.weave("ps", "one")).toBe(
      `${id.slice(0, 12)} ${(await a.weave("ps", id)).split(" ").slice(1).join(" ")}`,
    );
    expect(await a.node.resolve("one.weave.local")).toEqual([address]);
    await waitFor("b knows the name", async () => (await b.node.resolve("one.weave.local")).includes(address), 5000);
    const shown = await a.exec("one", "ip", "-o", "-4", "address", "show", "ethwe");
    expect(shown.stdout).toContain(`${address}/16`);
    expect((await a.attachments()).map((row) => row.id)).toEqual([id]);
  });

  it("gets one more name by dns-add, and loses it by dns-remove", async () => {
    await a.weave("dns-add", "one", "-h", "alias.weave.local");
    expect(await a.node.resolve("alias.weave.local")).toEqual(await a.node.resolve("one.weave.local"));
    await a.weave("dns-remove", "one", "-h", "alias.weave.local");
    expect(await a.node.resolve("alias.weave.local")).toEqual([]);
  });

  it("keeps its address and name over a restart", async () => {
    const before = await a.node.resolve("one.weave.local");
    await a.docker("restart", "-t", "0", "one");
    await waitFor("one is back", async () => (await a.exec("one", "ip", "address", "show", "ethwe")).code === 0, 5000);
    expect(await a.node.resolve("one.weave.local")).toEqual(before);
    expect((await a.exec("one", "ip", "-o", "-4", "address", "show", "ethwe")).stdout).toContain(before[0]);
  });

  it("keeps both over a restart of the engine", async () => {
    const before = await a.node.resolve("one.weave.local");
    await a.docker("update", "--restart=always", "one");
    await a.engine.stop();
    await waitFor(
      "the loss is noticed",
      async () => /docker_connected\S* 0/.test(await a.node.call("GET", "/metrics")),
      5000,
    );
    a.engine = await a.node.host.startDocker({ image: false });
    await waitFor(
      "one is back",
      async () => (await a.exec("one", "ip", "address", "show", "ethwe")).code === 0,
      10_000,
    );
    expect(await a.node.resolve("one.weave.local")).toEqual(before);
  });

  it("is taken up by a daemon that was restarted, also if it was restarted meanwhile", async () => {
    const before = await a.node.resolve("one.weave.local");
    await a.node.stop();
    await a.docker("restart", "-t", "0", "one");
    await a.node.start();
    expect((await a.exec("one", "ip", "-o", "-4", "address", "show", "ethwe")).stdout).toContain(before[0]);
    expect(await a.node.resolve("one.weave.local")).toEqual(before);
  });

  it("loses its name when it dies, and its address when it is removed", async () => {
    const [address] = await a.node.resolve("one.weave.local");
    await a.docker("update", "--restart=no", "one");
    await a.docker("kill", "one");
    await waitFor("the name is gone", async () => (await a.node.resolve("one.weave.local")).length === 0, 5000);
    await waitFor("on b too", async () => (await b.node.resolve("one.weave.local")).length === 0, 5000);
    expect(await a.node.call("GET", "/ip")).toContain(address);
    await a.docker("rm", "one");
    await waitFor("the address is free", async () => !(await a.node.call("GET", "/ip")).includes(address!), 5000);
    expect(await a.attachments()).toEqual([]);
  });

  it("talks with one of the other host, by name", async () => {
    await sleeper(a, "here", "--hostname", "here.weave.local");
    await sleeper(b, "there", "--hostname", "there.weave.local");
    await a.weave("attach", "here");
    const there = await b.weave("attach", "there");
    await waitFor(
      "here reaches there",
      async () => (await a.exec("here", "ping", "-c1", "-W1", there)).code === 0,
      15_000,
    );
    await a.weave("detach", "here");
    expect((await a.exec("here", "ip", "address", "show", "ethwe")).code).not.toBe(0);
    await Promise.all([a.docker("rm", "-f", "here"), b.docker("rm", "-f", "there")]);
  });

  it("is refused in words when it does not exist or shares the host's network", async () => {
    await expect(a.weave("attach", "nobody")).rejects.toThrow(/no running container nobody; see docker ps/);
    await sleeper(a, "hostly", "--net=host");
    await expect(a.weave("attach", "hostly")).rejects.toThrow(/host's own network/);
    await a.docker("rm", "-f", "hostly");
  });

  it("cannot be given an address once it is dead", async () => {
    const id = await sleeper(a, "short");
    await a.docker("rm", "-f", "short");
    expect((await a.node.send("POST", `/ip/${id}`, { form: [["check-alive", "true"]] })).body).toBe("cancelled");
  });
});
