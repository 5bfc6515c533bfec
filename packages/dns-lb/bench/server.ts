/** The server under the benchmark, a process of its own: `server.ts batched|single`; sends its port when it listens. */
import { openUdpBatch } from "@weaved/tun-datapath/linux";
import { createNames } from "../src/names.ts";
import { startDnsServer, systemClock, systemWallClock } from "../src/node/index.ts";

const names = createNames({ self: 1, clock: systemClock, wallClock: systemWallClock, isKnownPeer: () => true });
for (let i = 1; i <= 10; i++) names.add("web.weave.local", `c${i}`, 0x0a200000 + i);
const udp = process.argv[2] === "batched" ? { udpBatch: openUdpBatch } : {};
const server = await startDnsServer({ names, address: "127.0.0.1", port: 0, upstreams: { servers: [] }, ...udp });
process.send?.(server.addresses[0]?.port);
