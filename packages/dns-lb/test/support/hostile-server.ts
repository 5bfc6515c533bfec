/**
 * A server under attack, as a process of its own: `hostile-server.ts UPSTREAMS`, a JSON list of servers. It tells its port, then
 * answers every message of the parent with its totals and the most CPU time that one turn of its event loop took.
 */
import { startDnsServer } from "../../src/node/index.ts";
import { createHostNames } from "../../src/node/names.ts";

const servers = JSON.parse(process.argv[2] ?? "[]");
const names = createHostNames();
names.add("web.weave.local", "c1", "10.32.0.1");
names.addRecord("web.weave.local", "c1", { type: "SRV", service: "_http", protocol: "_tcp", port: 80 });
for (let i = 0; i < 500; i++) names.add("big.weave.local", `b${i}`, 0x0a210000 + i);

const server = await startDnsServer({
  names,
  address: "127.0.0.1",
  port: 0,
  upstreams: { servers },
  fallbackTimeoutMs: 500,
  hedgeMs: 50,
});

/** Samples the CPU time of each turn; the first turns compile the code, so they are left out. */
let worstMs = 0;
let before = process.cpuUsage();
const sample = (): void => {
  const { user, system } = process.cpuUsage(before);
  worstMs = Math.max(worstMs, (user + system) / 1000);
  before = process.cpuUsage();
  setImmediate(sample);
};
process.on("message", (command) => {
  if (command === "watch") {
    worstMs = 0;
    before = process.cpuUsage();
    setImmediate(sample);
  }
  process.send?.({ totals: server.stats().totals, worstMs });
});
process.send?.({ port: server.addresses[0]!.port });
