import {
  createNames,
  keepNames,
  localFirst,
  NAMES_CHANNEL,
  type Names,
  RECORDS_CHANNEL,
  roundRobin,
  type Strategy,
  shuffle,
} from "@weaved/dns-lb";
import { startDnsServer, systemWallClock } from "@weaved/dns-lb/node";
import { type RunningMesh, systemClock } from "@weaved/gossip-mesh/node";
import type { Store } from "@weaved/state-store";
import { openUdpBatch } from "@weaved/tun-datapath/node";
import type { Settings } from "../config/options.ts";
import type { Metrics } from "../diagnostics/metrics.ts";
import type { Logger } from "../logging.ts";
import { WeavedError } from "../values/error.ts";
import type { DnsListener } from "./dns-port.ts";

/** Names and their server, running. */
export interface NamesService {
  readonly names: Names;
  readonly listener: DnsListener;
  close(): Promise<void>;
}

const strategies: Readonly<Record<Settings["dns-strategy"], () => Strategy>> = {
  shuffle,
  "round-robin": roundRobin,
  "local-first": () => localFirst(shuffle()),
};

/** How often the upstreams shown in status are read again, in milliseconds; they are asked fresh for every query all the same. */
const upstreamsEveryMs = 5000;

/** Starts the replicated names, restores ours from disk, joins their channels, and serves them. */
export async function startNames(
  settings: Settings,
  mesh: RunningMesh,
  store: Store,
  logger: Logger,
  metrics: Metrics,
): Promise<NamesService> {
  const { address, port } = parseListen(settings["dns-listen-address"]);
  const isKnownPeer = (peer: number) => mesh.knows(peer);
  const names = createNames({
    self: mesh.name,
    domain: settings["dns-domain"],
    clock: systemClock,
    wallClock: systemWallClock,
    isKnownPeer,
    logger,
    metrics,
  });
  const kept = await keepNames({ names, store, clock: systemClock, logger });
  names.attach(mesh.openChannel(NAMES_CHANNEL, names.gossip), mesh.openChannel(RECORDS_CHANNEL, names.records));
  const server = await startDnsServer({
    names,
    address,
    port,
    clients: "any",
    ttl: settings["dns-ttl"],
    upstreams: { file: settings["resolv-conf"] || "/etc/resolv.conf" },
    strategy: strategies[settings["dns-strategy"]](),
    fallbackTimeoutMs: settings["dns-fallback-timeout"],
    udpBatch: openUdpBatch,
    logger,
    metrics,
  });
  const stop = [mesh.onPeerGone((peer) => names.peerGone(peer.name)), mesh.onPeerSeen(() => names.peerAppeared())];
  let upstreams = await server.upstreams();
  const timer = setInterval(() => {
    server.upstreams().then(
      (list) => {
        upstreams = list;
      },
      () => {},
    );
  }, upstreamsEveryMs).unref();
  // As configured: a server that listens everywhere has a socket for each address of the host, and is reached at any of them.
  const bound = server.addresses[0]!;
  return {
    names,
    listener: { address, port: bound.port, ttl: server.ttl, upstreams: () => upstreams },
    async close() {
      clearInterval(timer);
      for (const undo of stop) undo();
      await server.close();
      await kept.close();
      names.close();
    },
  };
}

function parseListen(text: string): { address: string; port: number } {
  const split = text.lastIndexOf(":");
  const port = Number(text.slice(split + 1));
  if (split === -1 || !Number.isInteger(port) || port < 0 || port > 65535) {
    throw new WeavedError("SETTING_INVALID", `--dns-listen-address: expected address:port, not "${text}"`);
  }
  return { address: text.slice(0, split) || "0.0.0.0", port };
}
