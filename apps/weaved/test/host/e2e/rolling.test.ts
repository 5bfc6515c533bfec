import { waitFor, waitUntilReachable } from "@weaved/netlab";
import { expect } from "vitest";
import { establishedOf, whyNoOriginal } from "./cluster.ts";
import { figure, scenario } from "./scenario.ts";

/** How far apart the pings of the stream are. */
const intervalMs = 50;

for (const [title, flags] of [
  ["plain", []],
  ["sealed", ["--password=correct-horse-battery"]],
] as const) {
  scenario(
    `a cluster of originals is replaced host by host, ${title}: containers keep their addresses, TCP goes on`,
    {
      hosts: ["a", "b", "c"],
      // The MTU of containers stays what the originals, without a fast path in a lab, gave them.
      all: { flags: ["--no-fastdp", ...flags], kind: "original" },
      containers: 2,
      skip: whyNoOriginal,
    },
    async ({ nodes, node, linked }) => {
      await linked(2, undefined, 40_000);
      const addresses: Record<string, string> = {};
      for (const one of nodes) {
        for (const container of ["c1", "c2"]) addresses[`${container}-${one.name}`] = await one.attach(container);
      }
      const client = node("a").container("c1");
      await waitUntilReachable(client, addresses["c1-b"]!, 20_000);
      await waitUntilReachable(node("a").container("c2"), addresses["c2-c"]!, 20_000);
      const pings = await client.spawn("ping", ["-n", "-O", "-i", `${intervalMs / 1000}`, addresses["c1-b"]!], {
        name: "stream",
      });
      const flow = node("a")
        .container("c2")
        .iperf(node("c").container("c2"), { seconds: 45, address: addresses["c2-c"]! });
      flow.catch(() => {});
      const answered = () => pings.log().match(/ttl=/g)?.length ?? 0;

      for (const one of nodes) {
        // The original takes its time to end when asked; its containers do not notice how it ended.
        await one.crash();
        const peers = nodes.filter((other) => other !== one).map((other) => other.name);
        await one.start({ kind: "weaved", peers });
        await waitFor(`${one.name} is back`, async () => (await establishedOf(one)) === 2, 40_000, 100);
        // What the containers of this host use must not be given to others: with an engine this is read from there.
        for (const container of ["c1", "c2"])
          await one.call("PUT", `/ip/${container}-${one.name}/${addresses[`${container}-${one.name}`]}/16`);
        const before = answered();
        await waitFor("pings go on", async () => answered() > before + 20, 30_000, 50);
      }

      const { bitsPerSecond } = await flow;
      pings.kill("SIGINT");
      await pings.exited;
      const [, sent, received] = /(\d+) packets transmitted, (\d+) received/.exec(pings.log()) ?? [];
      const lost = Number(sent) - Number(received);
      figure(`${title}: pings lost while three hosts were replaced`, `${lost} of ${sent}`);
      figure(`${title}: outage in all`, `${((lost * intervalMs) / 1000).toFixed(2)} s`);
      figure(`${title}: TCP through all of it`, `${(bitsPerSecond / 1e6).toFixed(0)} Mbit/s`);
      expect(bitsPerSecond).toBeGreaterThan(1e6);
      expect((lost * intervalMs) / 1000).toBeLessThan(15);
      const fresh = await Promise.all(nodes.map((one) => one.allocate("fresh")));
      for (const cidr of fresh) expect(Object.values(addresses)).not.toContain(cidr.split("/")[0]);
    },
  );
}
