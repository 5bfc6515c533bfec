import { readFile } from "node:fs/promises";
import type { Container, ContainerObserver } from "@weaved/docker-proxy";
import type { Runner } from "@weaved/host-links";
import { toAttachable } from "../services/attachable.ts";
import type { KnownNetwork } from "./driver.ts";

/** What naming needs. */
export interface PluginNamesOptions {
  network(id: string): Promise<KnownNetwork>;
  readonly dns: { readonly domain: string; add(fqdn: string, containerId: string, address: string): void } | undefined;
  readonly runner: Runner;
}

/**
 * Containers in networks of the plugin get names: host name, container name, and aliases in the domain. Their death withdraws
 * the names like those of all containers.
 */
export function createPluginNames({ network, dns, runner }: PluginNamesOptions): ContainerObserver {
  return {
    async running(container) {
      for (const { networkId, address, aliases } of container.networks) {
        if (networkId === "" || address === "" || !(await network(networkId)).isOurs) continue;
        if (dns) for (const name of namesOf(container, aliases, dns.domain)) dns.add(name, container.id, address);
        await askNeighboursSoon(runner, container.pid);
      }
    },
  };
}

function namesOf(container: Container, aliases: readonly string[], domain: string): Set<string> {
  const full = (name: string) => (name.includes(".") ? name : `${name}.${domain}`);
  const { hostname } = toAttachable(container);
  return new Set([...(hostname ? [hostname] : []), full(container.name), ...aliases.map(full)]);
}

/** An address that moved to another container is found within seconds; the values are those of attached interfaces (host-links). */
async function askNeighboursSoon(runner: Runner, pid: number): Promise<void> {
  const devices = await readFile(`/proc/${pid}/net/dev`, "utf8").catch(() => "");
  const settings = [...devices.matchAll(/^\s*(ethwe\d*):/gm)].flatMap(([, device]) => [
    `net.ipv4.neigh.${device}.base_reachable_time_ms=5000`,
    `net.ipv4.neigh.${device}.delay_first_probe_time=2`,
    `net.ipv4.neigh.${device}.ucast_solicit=1`,
  ]);
  if (settings.length > 0)
    await runner.run({ argv: ["sysctl", "-q", "-e", "-w", ...settings], netns: `/proc/${pid}/ns/net` });
}
