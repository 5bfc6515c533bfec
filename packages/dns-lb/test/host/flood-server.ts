/** The server of the flood test, a process of its own: sends its address when it listens. */
import { openUdpBatch } from "@weaved/tun-datapath/linux";
import { createNames } from "../../src/names.ts";
import { startDnsServer, systemClock, systemWallClock } from "../../src/node/index.ts";

const names = createNames({ self: 1, clock: systemClock, wallClock: systemWallClock, isKnownPeer: () => true });
for (let i = 1; i <= 10; i++) names.add("web.weave.local", `c${i}`, 0x0a200000 + i);
for (let i = 1; i <= 200; i++) names.add("big.weave.local", `b${i}`, 0x0a210000 + i);
const server = await startDnsServer({
  names,
  address: "127.0.0.1",
  port: 0,
  upstreams: { servers: [] },
  udpBatch: openUdpBatch,
  clients: "any",
  rateLimit: { perSecond: 5, burst: 5, trusted: ["127.0.0.0/16"] },
});
process.send?.(server.addresses[0]);
