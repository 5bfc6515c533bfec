import { createNames } from "@weaved/dns-lb";
import { createMesh, formatPeerName } from "@weaved/gossip-mesh";
import { createMemoryNetwork } from "@weaved/gossip-mesh/testing";
import { ALLOCATION_CHANNEL, createAllocator } from "@weaved/ipam-ring";
import type { Hono } from "hono";
import { noVersionCheck, type Report } from "../src/diagnostics/report.ts";
import { controlApp } from "../src/http/app.ts";
import { dnsPort, dnsReport } from "../src/services/dns-port.ts";
import { ipamPort, ipamReport } from "../src/services/ipam.ts";
import { routerPort, routerReport } from "../src/services/router.ts";

const clock = { now: () => performance.now(), after: (ms: number, fn: () => void) => timer(ms, fn) };

function timer(ms: number, fn: () => void): () => void {
  const handle = setTimeout(fn, ms).unref();
  return () => clearTimeout(handle);
}

/** The fresh router the vectors were recorded from: real packages, no network, no Docker. */
export async function startRouter(ready: boolean): Promise<{ app: Hono; close: () => void }> {
  const transport = createMemoryNetwork({ clock }).transport("127.0.0.1");
  const mesh = createMesh(
    { name: 1, nickname: "host1", uid: 1001n, discovery: false },
    { clock, random: Math.random, transport },
  );
  const ipam = await createAllocator({
    name: 1,
    uid: 1001n,
    nickname: "host1",
    universe: "10.32.0.0/12",
    defaultSubnet: "10.32.1.0/24",
    init: { kind: "consensus", peers: 1, guess: () => 1 },
    clock,
    random: Math.random,
    store: { load: async () => undefined, save: async () => {} },
    isKnownPeer: (peer) => mesh.knows(peer),
  });
  ipam.attach(mesh.openChannel(ALLOCATION_CHANNEL, ipam.gossip));
  ipam.start();
  const names = createNames({
    self: 1,
    clock,
    wallClock: () => Math.floor(Date.now() / 1000),
    isKnownPeer: (peer) => mesh.knows(peer),
  });
  const listener = { address: "127.0.0.1", port: 0, ttl: 1, upstreams: () => ["8.8.8.8"] };
  const report = (): Report => ({
    Ready: ready,
    Version: "2.8.1",
    VersionCheck: noVersionCheck,
    Router: routerReport(mesh.status(), undefined),
    IPAM: ipamReport(ipam),
    DNS: dnsReport(names, listener, formatPeerName),
    Proxy: null,
    Plugin: null,
  });
  const app = controlApp({
    ipam: ipamPort(ipam, ""),
    dns: dnsPort(names, listener),
    router: routerPort(mesh, async () => {}),
    host: { exposeAt: () => Promise.reject(new Error("no host here")) },
    isAlive: async () => true,
    report,
    metrics: async () => "",
  });
  const close = () => {
    ipam.close();
    names.close();
    mesh.close();
  };
  return { app, close };
}
