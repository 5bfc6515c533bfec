import { basename } from "node:path";
import type { ContainerObserver, Engine } from "@weaved/docker-proxy";
import type { HostLinks } from "@weaved/host-links/node";
import type { Settings } from "../config/options.ts";
import type { PluginReport } from "../diagnostics/report.ts";
import { type Listening, listen } from "../http/listen.ts";
import type { DnsPort, IpamPort } from "../http/ports.ts";
import type { Logger } from "../logging.ts";
import { createDriver, multicastOption, type NetworkDriver } from "../plugin/driver.ts";
import { createIpamDriver } from "../plugin/ipam.ts";
import { createPluginNames } from "../plugin/names.ts";
import { pluginApp } from "../plugin/server.ts";
import { cidrText } from "../values/cidr.ts";
import { WeavedError } from "../values/error.ts";

/** Network that every engine gets, as with the original. */
const defaultNetwork = "weave";
/** Name of the original's managed plugin. */
const managedName = "net-plugin";

/** What the plugin is wired to. */
export interface PluginServiceOptions {
  readonly settings: Settings;
  readonly links: HostLinks;
  readonly engine: Engine | undefined;
  readonly ipam: IpamPort | undefined;
  readonly dns: DnsPort | undefined;
  readonly logger: Logger;
}

/** The plugin, in two steps: names of its containers are kept before Docker asks for the first interface. */
export interface PluginService {
  readonly observer: ContainerObserver;
  readonly report: PluginReport;
  listen(): Promise<void>;
  close(): Promise<void>;
}

/** @throws WeavedError when something that the plugin stands on is off */
export function preparePlugin({ settings, links, engine, ipam, dns, logger }: PluginServiceOptions): PluginService {
  const managed = settings["plugin-v2"] ? { multicast: settings["plugin-v2-multicast"] } : undefined;
  const sockets = { global: settings["plugin-socket"], local: settings["plugin-mesh-socket"] };
  if (!ipam) throw new WeavedError("SETTING_INVALID", "--plugin needs addresses to hand out: give --ipalloc-range");
  if (!engine && !managed)
    throw new WeavedError("SETTING_INVALID", "--plugin needs Docker: name its API with --docker-api");
  const bridge = settings["weave-bridge"];
  const nameOf = (socket: string) => (managed ? managedName : basename(socket, ".sock"));
  const driver = (scope: "global" | "local"): NetworkDriver =>
    createDriver({
      ...{ scope, managed, links, bridge, logger, name: nameOf(sockets[scope]) },
      network: async (id) => engine?.network(id),
    });
  const drivers = { global: driver("global"), local: driver("local") };
  const network: NetworkDriver["network"] = async (id) => {
    const known = sockets.global === "" ? undefined : await drivers.global.network(id);
    return known?.isOurs || sockets.local === ""
      ? (known ?? { isOurs: false, multicast: false })
      : drivers.local.network(id);
  };
  const names = createPluginNames({ network, dns, links });
  const open: Listening[] = [];

  async function ensureDefaultNetwork(): Promise<void> {
    if (!engine || managed || sockets.local === "" || open.length === 0) return;
    if (await engine.network(defaultNetwork)) return;
    const subnet = cidrText((ipam as IpamPort).defaultSubnet);
    const options = { [multicastOption]: "true" };
    await engine.createNetwork({ name: defaultNetwork, driver: nameOf(sockets.local), subnet, options });
    logger.info(`made the network "${defaultNetwork}"`, { subnet });
  }

  const serve = async (scope: "global" | "local", withAddresses: boolean) => {
    if (sockets[scope] === "") return;
    const { handlers } = drivers[scope];
    const app = withAddresses
      ? pluginApp(["NetworkDriver", "IpamDriver"], { ...handlers, ...createIpamDriver(ipam) }, logger)
      : pluginApp(["NetworkDriver"], handlers, logger);
    open.push(await listen(app, sockets[scope]));
    logger.info(`network plugin "${nameOf(sockets[scope])}" is listening`, { scope, socket: sockets[scope] });
  };

  return {
    // Docker may have been away, or reset, when we started.
    observer: { ...names, synced: () => ensureDefaultNetwork() },
    report: {
      Config: {
        ...{
          EnableV2: managed !== undefined,
          Enable: settings.plugin,
          Socket: sockets.global,
          MeshSocket: sockets.local,
        },
        ...{ EnableV2Multicast: managed?.multicast ?? false, DNS: dns !== undefined },
        DefaultSubnet: cidrText(ipam.defaultSubnet),
      },
      DriverName: nameOf(sockets.global),
      MeshDriverName: sockets.local === "" ? null : nameOf(sockets.local),
    },
    async listen() {
      await links.repairEndpoints(bridge);
      await serve("global", false);
      await serve("local", true);
      // Docker calls back while it makes the network: it must not hold up the daemon.
      ensureDefaultNetwork().catch((error: Error) =>
        logger.warn(`cannot make the network "${defaultNetwork}": ${error.message}`, { code: "PLUGIN_NETWORK" }),
      );
    },
    async close() {
      await Promise.all(open.map((listening) => listening.close()));
    },
  };
}
