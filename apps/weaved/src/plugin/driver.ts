import type { Engine } from "@weaved/docker-proxy";
import { endpointNames } from "@weaved/host-links";
import type { HostLinks } from "@weaved/host-links/node";
import * as z from "zod";
import type { Logger } from "../logging.ts";
import { parseBool } from "../values/boolean.ts";
import { WeavedError } from "../values/error.ts";
import type { Handlers } from "./server.ts";

/**
 * The network driver of Docker's remote protocol: Docker asks for an interface, moves it into the container, and gives it the
 * address, before the container's first instruction.
 */

/** Option of `docker network create`; without value it means true. */
export const multicastOption = "works.weave.multicast";

/** What the driver is made from. */
export interface DriverOptions {
  /** As networks name it: `weave`, `weavemesh`. */
  readonly name: string;
  /** `global`: Docker's own cluster shares the networks; `local`: each engine has its own of that name. */
  readonly scope: "global" | "local";
  /** Managed plugins cannot ask Docker: every network is ours, with or without multicast. */
  readonly managed: { readonly multicast: boolean } | undefined;
  /** Makes the interfaces, on `bridge`. */
  readonly links: Pick<HostLinks, "createEndpoint" | "removeEndpoint">;
  readonly bridge: string;
  readonly network: Engine["network"];
  readonly logger: Logger;
}

/** What is known of one of Docker's networks. */
export interface KnownNetwork {
  readonly isOurs: boolean;
  readonly multicast: boolean;
}

/** The driver, and what it knows of networks. */
export interface NetworkDriver {
  readonly handlers: Handlers;
  /** Asks Docker about networks from before a restart. */
  network(id: string): Promise<KnownNetwork>;
}

const createNetwork = z.object({ NetworkID: z.string(), Options: z.record(z.string(), z.unknown()).nullish() });
const withNetwork = z.object({ NetworkID: z.string() });
const join = z.object({ NetworkID: z.string(), EndpointID: z.string() });
const createEndpoint = z.object({
  EndpointID: z.string(),
  Interface: z.object({ Address: z.string().nullish(), MacAddress: z.string().nullish() }).nullish(),
});

/** Kind of a static route that names no gateway. */
const connectedRoute = 1;

/** Makes the driver. */
export function createDriver({ name, scope, managed, links, bridge, network, logger }: DriverOptions): NetworkDriver {
  /** Bounded by: networks of this engine that its containers use. */
  const networks = new Map<string, KnownNetwork>();

  function learn(id: string, options: Readonly<Record<string, unknown>>): KnownNetwork {
    const known = { isOurs: true, multicast: multicastOf(options, logger) };
    networks.set(id, known);
    return known;
  }

  async function find(id: string): Promise<KnownNetwork> {
    if (managed) return { isOurs: true, multicast: managed.multicast };
    const known = networks.get(id);
    if (known) return known;
    const found = await network(id);
    if (!found) throw new WeavedError("REQUEST_INVALID", `Docker knows no network ${id}`);
    if (found.driver === name) return learn(id, found.options);
    const foreign = { isOurs: false, multicast: false };
    networks.set(id, foreign);
    return foreign;
  }

  const nothing = async () => ({});
  const handlers: Handlers = {
    "NetworkDriver.GetCapabilities": async () => ({ Scope: scope }),
    "NetworkDriver.CreateNetwork": async (body) => {
      const { NetworkID, Options } = createNetwork.parse(body);
      const generic = Options?.["com.docker.network.generic"];
      learn(NetworkID, typeof generic === "object" && generic ? (generic as Record<string, unknown>) : {});
      return {};
    },
    "NetworkDriver.DeleteNetwork": async (body) => {
      networks.delete(withNetwork.parse(body).NetworkID);
      return {};
    },
    // Docker's cluster hands these options to the other engines as they come back.
    "NetworkDriver.AllocateNetwork": async (body) => ({ Options: (body as { Options?: unknown }).Options ?? {} }),
    "NetworkDriver.FreeNetwork": nothing,
    "NetworkDriver.CreateEndpoint": async (body) => {
      const { EndpointID, Interface } = createEndpoint.parse(body);
      if (!Interface)
        throw new WeavedError(
          "REQUEST_INVALID",
          "an endpoint without interface: Docker is expected to bring addresses",
        );
      const given = Interface.MacAddress || undefined;
      const addresses = Interface.Address ? [Interface.Address] : [];
      const made = await links.createEndpoint({ id: EndpointID, bridge, addresses, ...(given && { mac: given }) });
      // Docker takes no answer to what it has said itself.
      return { Interface: given ? {} : { MacAddress: made.mac } };
    },
    "NetworkDriver.DeleteEndpoint": async (body) => {
      await links.removeEndpoint(join.parse(body).EndpointID);
      return {};
    },
    "NetworkDriver.EndpointOperInfo": async () => ({ Value: {} }),
    "NetworkDriver.Join": async (body) => {
      const { NetworkID, EndpointID } = join.parse(body);
      const { multicast } = await find(NetworkID);
      const routes = multicast ? [{ Destination: "224.0.0.0/4", RouteType: connectedRoute }] : [];
      return { InterfaceName: { SrcName: endpointNames(EndpointID).inner, DstPrefix: "ethwe" }, StaticRoutes: routes };
    },
    "NetworkDriver.Leave": nothing,
    "NetworkDriver.DiscoverNew": nothing,
    "NetworkDriver.DiscoverDelete": nothing,
    "NetworkDriver.ProgramExternalConnectivity": nothing,
    "NetworkDriver.RevokeExternalConnectivity": nothing,
  };
  return { handlers, network: find };
}

function multicastOf(options: Readonly<Record<string, unknown>>, logger: Logger): boolean {
  for (const key of Object.keys(options))
    if (key !== multicastOption)
      logger.warn(`unknown network option ${key}; known is ${multicastOption}`, { code: "PLUGIN_OPTION" });
  const value = options[multicastOption];
  if (value === undefined) return false;
  if (value === "") return true;
  return parseBool(String(value));
}
