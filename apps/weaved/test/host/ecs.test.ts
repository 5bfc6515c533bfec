/*
 * The guide "Weave on ECS" on real engines: three instances, each with an engine whose API an agent uses through the proxy.
 *
 *   instance a             instance b             instance c
 *   [dataproducer] 4540    [dataproducer] 4540    [dataproducer] 4540
 *   [httpserver] 80        [httpserver] 80        [httpserver] 80      each request: nc dataproducer 4540
 *
 * The agent names its containers ecs-FAMILY-REVISION-CONTAINER-HEX, and says the container's own name in a label.
 */
import { randomBytes } from "node:crypto";
import { dockerImage, waitFor, whyNoLab } from "@weaved/netlab";
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFailed } from "vitest";
import { figure, seconds } from "./e2e/scenario.ts";
import { type EngineCluster, type EngineNode, proxySocket, startEngines } from "./engines.ts";

const why = whyNoLab(["docker", "dns"]);
const family = "weave-ecs-demo";
const label = "com.amazonaws.ecs.container-name";
const requestsEach = 100;

let hosts: EngineCluster;
beforeAll(async () => {
  if (why) return;
  const flags = ["--proxy", "-H", `unix://${proxySocket}`];
  const byLabel = [...flags, `--hostname-from-label=${label}`];
  // The last one has an agent without labels: the name is cut out of the mangled one.
  const byName = [...flags, `--hostname-match=^ecs-${family}-[0-9]+-(.*)-[0-9a-f]+$`, "--hostname-replacement=$1"];
  hosts = await startEngines(["a", "b", "c"], (name) => (name === "c" ? byName : byLabel));
  await hosts.cluster.linked(2);
});
afterAll(() => hosts?.cluster.close());
beforeEach((ctx) => {
  if (why) ctx.skip(why);
  onTestFailed(() => console.error(hosts.cluster.logs()));
});

/** What the agent does with a container of a task definition. */
function startTask(one: EngineNode, container: string, command: string, ...args: string[]): Promise<string> {
  const name = `ecs-${family}-1-${container}-${randomBytes(10).toString("hex")}`;
  const labelled = one.node.name === "c" ? [] : ["--label", `${label}=${container}`];
  return one.proxied("run", "-d", "--name", name, ...labelled, ...args, dockerImage, "sh", "-c", command);
}

const answer = (one: EngineNode) => `data from instance ${one.node.name}`;

describe("the ECS guide", () => {
  it("names the containers of every instance, however they are mangled", async () => {
    const began = performance.now();
    const cgi = "#!/bin/sh\\necho Content-Type: text/plain\\necho\\nexec nc -w 5 dataproducer 4540 </dev/null\\n";
    const serve = `mkdir -p /www/cgi-bin && printf '${cgi}' > /www/cgi-bin/data && chmod +x /www/cgi-bin/data && exec httpd -f -p 80 -h /www`;
    await Promise.all(
      hosts.nodes.map(async (one) => {
        await startTask(one, "dataproducer", `exec nc -ll -p 4540 -e echo '${answer(one)}'`);
        await startTask(one, "httpserver", serve, "-p", "80:80");
      }),
    );
    figure("six containers on three instances", `${seconds(began)} s`);
    for (const { node } of hosts.nodes)
      for (const name of ["dataproducer", "httpserver"])
        await waitFor(
          `${node.name} knows three of ${name}`,
          async () => (await node.resolve(`${name}.weave.local`)).length === 3,
          10_000,
        );
  });

  it("answers 300 requests; each data producer answers its share", async () => {
    const [first] = hosts.nodes as [EngineNode];
    const urls = hosts.nodes.map(({ node }) => `http://${node.host.address}/cgi-bin/data`);
    for (const url of urls)
      await waitFor(
        `${url} answers`,
        async () => (await first.node.host.exec("curl", ["-sf", "-m", "5", url])).stdout.startsWith("data"),
        15_000,
      );
    const began = performance.now();
    const lines = await Promise.all(
      urls.map((url) =>
        first.node.host.must("sh", [
          "-c",
          `for i in $(seq ${requestsEach}); do curl -sf -m 5 ${url} || echo failed; done`,
        ]),
      ),
    );
    const answers = lines.flatMap((text) => text.trim().split("\n"));
    const shares = hosts.nodes.map((one) => answers.filter((line) => line === answer(one)).length);
    figure("requests answered by a, b, c", `${shares.join(", ")} of ${answers.length} in ${seconds(began)} s`);
    expect(shares.reduce((sum, share) => sum + share, 0)).toBe(3 * requestsEach);
    // A fair choice among three gives 100 each; 60 is five standard deviations below.
    expect(Math.min(...shares)).toBeGreaterThanOrEqual(60);
  });

  it("leaves a stopped instance out within a second", async () => {
    const [a, b] = hosts.nodes as [EngineNode, EngineNode];
    const [id] = (await b.docker("ps", "-q", "--filter", "name=dataproducer")).split("\n");
    await b.docker("kill", id!);
    const began = performance.now();
    await waitFor("a knows two", async () => (await a.node.resolve("dataproducer.weave.local")).length === 2, 5000, 20);
    figure("until a dead container's name is gone on another host", `${seconds(began)} s`);
    const url = `http://${a.node.host.address}/cgi-bin/data`;
    const text = await a.node.host.must("sh", [
      "-c",
      `for i in $(seq 20); do curl -sf -m 5 ${url} || echo failed; done`,
    ]);
    expect(new Set(text.trim().split("\n"))).toEqual(new Set(["data from instance a", "data from instance c"]));
  });
});
