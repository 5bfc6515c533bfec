import type { Engine } from "@weaved/docker-proxy";
import type { HostLinks } from "@weaved/host-links/node";
import type { Allocator } from "@weaved/ipam-ring";
import type { Attachments } from "../attachments/attachments.ts";
import type { Settings } from "../config/options.ts";
import type { Metrics } from "../diagnostics/metrics.ts";
import type { Report } from "../diagnostics/report.ts";
import type { DnsPort, IpamPort } from "../http/ports.ts";
import type { RootLogger } from "../logging.ts";
import { startContainers } from "./containers.ts";
import type { NamesService } from "./names.ts";
import { preparePlugin } from "./plugin.ts";
import { prepareProxy } from "./proxy.ts";

/** What everything around Docker is wired to. */
export interface DockerServiceOptions {
  readonly settings: Settings;
  readonly links: HostLinks;
  /** Undefined: no Docker. */
  readonly engine: Engine | undefined;
  readonly attachments: Attachments;
  readonly ipam: Allocator | undefined;
  readonly ipamApi: IpamPort | undefined;
  readonly dns: NamesService | undefined;
  readonly dnsApi: DnsPort | undefined;
  readonly log: RootLogger;
  readonly metrics: Metrics;
}

/** Docker's side of the daemon, running. */
export interface DockerService {
  /** Undefined without proxy. */
  readonly proxyAddresses: (() => readonly string[]) | undefined;
  report(): Pick<Report, "Proxy" | "Plugin">;
  close(): Promise<void>;
}

/**
 * Follows the engine's containers, then opens the proxy and the plugin: who comes through them finds the followers in place.
 *
 * @throws WeavedError when proxy or plugin lack what they stand on, or cannot listen
 */
export async function startDocker(options: DockerServiceOptions): Promise<DockerService> {
  const { settings, links, engine, attachments, ipam, ipamApi, dns, dnsApi, log, metrics } = options;
  const open: { close(): Promise<void> }[] = [];
  const close = async () => {
    for (const part of open.splice(0).reverse()) await part.close();
  };
  try {
    const proxy = settings.proxy
      ? prepareProxy({ settings, engine, attachments, dns, logger: log.part("proxy"), metrics })
      : undefined;
    const plugin =
      settings.plugin || settings["plugin-v2"]
        ? preparePlugin({ settings, links, engine, ipam: ipamApi, dns: dnsApi, logger: log.part("plugin") })
        : undefined;
    if (engine) {
      const containers = await startContainers({
        ...{ engine, attachments, ipam, names: dns?.names, logger: log.part("docker"), metrics },
        observers: [...(proxy ? [proxy.attacher] : []), ...(plugin ? [plugin.observer] : [])],
        attachedElsewhere: proxy?.attacher.attaches,
      });
      open.push(containers);
    }
    for (const part of [proxy, plugin]) {
      if (!part) continue;
      open.push(part);
      await part.listen();
    }
    return {
      proxyAddresses: proxy?.addresses,
      report: () => ({
        Proxy: proxy ? { Addresses: [...proxy.addresses()] } : null,
        Plugin: plugin?.report ?? null,
      }),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
