import type { Container, ContainerObserver } from "@weaved/docker-proxy";
import type { HostLinks } from "@weaved/host-links/node";
import { toAttachable } from "../services/attachable.ts";
import type { KnownNetwork } from "./driver.ts";

/** What naming needs. */
export interface PluginNamesOptions {
  network(id: string): Promise<KnownNetwork>;
  readonly dns: { readonly domain: string; add(fqdn: string, containerId: string, address: string): void } | undefined;
  readonly links: Pick<HostLinks, "settleNeighbours">;
}

/**
 * Containers in networks of the plugin get names: host name, container name, and aliases in the domain. Their death withdraws
 * the names like those of all containers.
 */
export function createPluginNames({ network, dns, links }: PluginNamesOptions): ContainerObserver {
  return {
    async running(container) {
      for (const { networkId, address, aliases } of container.networks) {
        if (networkId === "" || address === "" || !(await network(networkId)).isOurs) continue;
        if (dns) for (const name of namesOf(container, aliases, dns.domain)) dns.add(name, container.id, address);
        // An address that moved to another container is found within seconds. A container that ended meanwhile needs nothing.
        await links.settleNeighbours({ pid: container.pid }, /^ethwe\d*$/).catch(() => []);
      }
    },
  };
}

function namesOf(container: Container, aliases: readonly string[], domain: string): Set<string> {
  const full = (name: string) => (name.includes(".") ? name : `${name}.${domain}`);
  const { hostname } = toAttachable(container);
  return new Set([...(hostname ? [hostname] : []), full(container.name), ...aliases.map(full)]);
}
