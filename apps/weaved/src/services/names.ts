import { isIP } from "node:net";
import {
  createNames,
  DnsError,
  keepNames,
  localFirst,
  NAMES_CHANNEL,
  type Names,
  RECORDS_CHANNEL,
  roundRobin,
  type Strategy,
  shuffle,
} from "@weaved/dns-lb";
import { type DnsServer, type DnsServerOptions, startDnsServer, systemWallClock } from "@weaved/dns-lb/node";
import { type RunningMesh, systemClock } from "@weaved/gossip-mesh/node";
import { Cidr, parseInterface } from "@weaved/ip";
import type { Store } from "@weaved/state-store";
import { openUdpBatch } from "@weaved/tun-datapath/node";
import type { Settings } from "../config/options.ts";
import type { Metrics } from "../diagnostics/metrics.ts";
import type { Logger } from "../logging.ts";
import { WeavedError } from "../values/error.ts";
import { addressesOf, clientNetworks } from "./dns-networks.ts";
import type { DnsListener } from "./dns-port.ts";

/** Names and their server, running. */
export interface NamesService {
  readonly names: Names;
  readonly listener: DnsListener;
  /** Listens on an address that this host has just got, without the second that it would take otherwise. */
  followAddresses(): Promise<void>;
  close(): Promise<void>;
}

const strategies: Readonly<Record<Settings["dns-strategy"], () => Strategy>> = {
  shuffle,
  "round-robin": roundRobin,
  "local-first": () => localFirst(shuffle()),
};

/** How often the upstreams shown in status are read again, in milliseconds; each query reads them afresh. */
const upstreamsEveryMs = 5000;

/** Starts the replicated names, restores ours from disk, joins their channels, and serves them. */
export async function startNames(
  settings: Settings,
  mesh: RunningMesh,
  store: Store,
  logger: Logger,
  metrics: Metrics,
): Promise<NamesService> {
  const networks = networksOf(settings);
  const names = createNames({
    self: mesh.name,
    domain: settings["dns-domain"],
    clock: systemClock,
    wallClock: systemWallClock,
    isKnownPeer: (peer) => mesh.knows(peer),
    logger,
    metrics,
  });
  const kept = await keepNames({ names, store, clock: systemClock, logger });
  names.attach(mesh.openChannel(NAMES_CHANNEL, names.gossip), mesh.openChannel(RECORDS_CHANNEL, names.records));
  let routes = mesh.routes();
  const server = await serve(settings, networks, {
    names,
    isReachable: (peer) => peer === mesh.name || routes.unicast.has(peer),
    logger,
    metrics,
  });
  const stop = [
    mesh.onPeerGone((peer) => names.peerGone(peer.name)),
    mesh.onPeerSeen(() => names.peerAppeared()),
    mesh.onRoutesChanged(() => {
      routes = mesh.routes();
    }),
  ];
  let upstreams = await server.upstreams();
  const timer = setInterval(() => {
    server.upstreams().then(
      (list) => {
        upstreams = list;
      },
      () => {},
    );
  }, upstreamsEveryMs).unref();
  return {
    names,
    listener: {
      get address() {
        return networks.shownAddress ?? server.addresses[0]?.address ?? "";
      },
      port: server.addresses[0]?.port ?? networks.port,
      ttl: server.ttl,
      upstreams: () => upstreams,
    },
    followAddresses: () => server.followAddresses(),
    async close() {
      clearInterval(timer);
      for (const undo of stop) undo();
      await server.close();
      await kept.close();
      names.close();
    },
  };
}

type ServerOptions = Pick<DnsServerOptions, "names" | "isReachable" | "logger" | "metrics">;

async function serve(settings: Settings, networks: DnsNetworks, options: ServerOptions): Promise<DnsServer> {
  const { listen, port, overlay, clients } = networks;
  try {
    return await startDnsServer({
      ...options,
      address: listen,
      port,
      clients: () => [...clientNetworks(overlay), ...clients],
      ownSubnets: overlay,
      ttl: settings["dns-ttl"],
      upstreams: { file: settings["resolv-conf"] || "/etc/resolv.conf" },
      strategy: strategies[settings["dns-strategy"]](),
      fallbackTimeoutMs: settings["dns-fallback-timeout"],
      udpBatch: openUdpBatch,
    });
  } catch (error) {
    if (!(error instanceof DnsError) || error.code !== "DNS_LISTEN_FAILED") throw error;
    throw new WeavedError(
      "SETTING_INVALID",
      `the DNS server cannot listen on ${error.message}; name another address with --dns-listen-address, or use --no-dns`,
    );
  }
}

/** What the settings say about the networks of the DNS server. */
interface DnsNetworks {
  readonly listen: NonNullable<DnsServerOptions["address"]>;
  readonly port: number;
  /** What status and clients see instead of the first bound address: an address that stands for all of them. */
  readonly shownAddress: string | undefined;
  readonly overlay: readonly Cidr[];
  readonly clients: readonly Cidr[];
}

const defaultPort = 53;

/**
 * By default the server listens on Docker's bridge, which containers ask, and on the overlay's bridge. It never listens on the
 * network of the host by itself, and needs no address of a resolver that the host runs on loopback.
 */
function networksOf(settings: Settings): DnsNetworks {
  const range = settings["ipalloc-range"];
  const overlay = range === "" ? [] : [parseInterface(range).cidr];
  const clients = settings["dns-clients"]
    .split(",")
    .filter((text) => text !== "")
    .map(parseClient);
  const given = settings["dns-listen-address"];
  if (given === "") {
    const devices = [settings["docker-bridge"] || "docker0", settings["weave-bridge"]];
    return { listen: () => addressesOf(devices), port: defaultPort, shownAddress: undefined, overlay, clients };
  }
  const { address, port } = parseListen(given);
  const shownAddress = address === "0.0.0.0" || address === "::" ? address : undefined;
  return { listen: address, port, shownAddress, overlay, clients };
}

function parseClient(text: string): Cidr {
  const cidr = Cidr.tryParse(text);
  if (cidr !== undefined) return cidr;
  throw new WeavedError(
    "SETTING_INVALID",
    `--dns-clients: "${text}" is not a valid CIDR; write a form such as 192.0.2.0/24`,
  );
}

function parseListen(text: string): { address: string; port: number } {
  const [, bracketed, plain = "", digits = ""] = /^(?:\[([^\]]*)\]|([^:]*)):(\d+)$/.exec(text) ?? [];
  const address = bracketed ?? (plain || "0.0.0.0");
  const port = Number(digits);
  if (digits !== "" && port <= 65535 && isIP(address) !== 0) return { address, port };
  throw new WeavedError(
    "SETTING_INVALID",
    `--dns-listen-address: "${text}" is not valid; write an address and a port, such as 172.17.0.1:53`,
  );
}
