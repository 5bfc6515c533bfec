import type { Engine } from "@weaved/docker-proxy";
import { type Attacher, createAttacher, goPattern, goReplacement, type HostnameRules } from "@weaved/docker-proxy";
import type { TlsFiles } from "@weaved/docker-proxy/node";
import { type DockerProxy, startProxy } from "@weaved/docker-proxy/node";
import { systemClock } from "@weaved/gossip-mesh/node";
import { createHostRunner } from "@weaved/host-links/node";
import type { Attachments } from "../attachments/attachments.ts";
import type { Settings } from "../config/options.ts";
import type { Metrics } from "../diagnostics/metrics.ts";
import type { Logger } from "../logging.ts";
import { parseAddressArgument } from "../values/address-argument.ts";
import { WeavedError } from "../values/error.ts";
import { isLoopback } from "../values/listen-address.ts";
import { isAlive } from "./host.ts";
import type { NamesService } from "./names.ts";

/** Where the proxy listens when nobody says, as the original. */
const defaultAddress = "unix:///var/run/weave/weave.sock";

/** What the proxy is wired to. */
export interface ProxyServiceOptions {
  readonly settings: Settings;
  readonly engine: Engine | undefined;
  readonly attachments: Attachments;
  readonly dns: NamesService | undefined;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** The proxy, in two steps: its attacher follows containers before the first client comes. */
export interface ProxyService {
  readonly attacher: Attacher;
  listen(): Promise<void>;
  /** Where it listens. */
  addresses(): readonly string[];
  close(): Promise<void>;
}

/** @throws WeavedError when there is no Docker to stand before, or a pattern cannot be used */
export function prepareProxy(options: ProxyServiceOptions): ProxyService {
  const { settings, engine, attachments, dns, logger, metrics } = options;
  if (!engine) throw new WeavedError("SETTING_INVALID", "--proxy needs Docker: name its API with --docker-api");
  const useDns = dns !== undefined && !settings["without-dns"];
  const multicastRoute = !settings["no-multicast-route"] && !settings.awsvpc;
  const hostname = hostnameRules(settings);
  const attacher = createAttacher({
    ...{ engine, attachments, logger, metrics, multicastRoute, dns: useDns, isAlive, clock: systemClock },
    noDefault: settings["no-default-ipalloc"],
    rewriteHosts: !settings["no-rewrite-hosts"],
  });
  let proxy: DockerProxy | undefined;
  return {
    attacher,
    addresses: () => proxy?.addresses ?? [],
    async listen() {
      const addresses = settings.H.length > 0 ? settings.H : [defaultAddress];
      const tls = tlsFiles(settings);
      warnOfOpenListeners(addresses, tls, logger);
      proxy = await startProxy({
        ...{ engine, logger, addresses, tls, multicastRoute, hostname },
        docker: settings["docker-api"],
        folder: `${settings["db-prefix"]}-wait`,
        noDefault: settings["no-default-ipalloc"],
        rewriteInspect: settings["rewrite-inspect"],
        dns: useDns ? { domain: dns.names.domain, address: () => resolverFor(dns, options) } : undefined,
        image: engine.image,
        isAddress: (word) => parseAddressArgument(word) !== undefined,
        started: attacher.started,
        attachment: async (id) => (await attachments.list([id]))[0],
      });
      logger.info("proxy is listening", { addresses: proxy.addresses });
    },
    async close() {
      attacher.close();
      await proxy?.close();
    },
  };
}

function hostnameRules(settings: Settings): HostnameRules {
  try {
    return {
      label: settings["hostname-from-label"],
      match: goPattern(settings["hostname-match"]),
      replacement: goReplacement(settings["hostname-replacement"]),
    };
  } catch (error) {
    throw new WeavedError("SETTING_INVALID", `--hostname-match: ${(error as Error).message}`);
  }
}

function tlsFiles(settings: Settings): TlsFiles | undefined {
  if (!settings.tls && !settings.tlsverify) return undefined;
  const { tlscert: cert, tlskey: key, tlscacert: ca } = settings;
  return { cert, key, ...(settings.tlsverify && { ca }) };
}

/** The address under which containers reach our server: where it listens, or Docker's bridge if it listens everywhere. */
async function resolverFor(dns: NamesService, options: ProxyServiceOptions): Promise<string | undefined> {
  const { address } = dns.listener;
  if (address !== "" && address !== "0.0.0.0" && address !== "::") return address;
  const bridge = await options.engine?.network("bridge");
  const name = options.settings["docker-bridge"] || (bridge?.options["com.docker.network.bridge.name"] ?? "docker0");
  const gateway = bridge?.gateway || (await addressOf(name));
  if (gateway === undefined)
    options.logger.warn(
      `no DNS address to give to containers, because the bridge ${name} does not exist; set --dns-listen-address`,
      { code: "PROXY_NO_RESOLVER" },
    );
  return gateway;
}

/** Of a device that may be down: Docker's bridge is until the first container runs. */
async function addressOf(device: string): Promise<string | undefined> {
  const { code, stdout } = await createHostRunner().run({ argv: ["ip", "-j", "-4", "address", "show", "dev", device] });
  if (code !== 0) return undefined;
  const [link] = JSON.parse(stdout) as { addr_info?: { local: string }[] }[];
  return link?.addr_info?.[0]?.local;
}

/** Docker's API rules the whole host. */
function warnOfOpenListeners(addresses: readonly string[], tls: TlsFiles | undefined, logger: Logger): void {
  for (const address of addresses) {
    const isPath = address.startsWith("unix://") || address.startsWith("/");
    if (isPath || tls?.ca !== undefined || isLoopback(address.replace("tcp://", ""))) continue;
    logger.warn(`the Docker proxy listens on ${address} for anybody who reaches it: use --tlsverify`, {
      code: "PROXY_EXPOSED",
    });
  }
}
