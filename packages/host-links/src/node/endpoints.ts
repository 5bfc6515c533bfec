import { macOfAddress } from "../address.ts";
import { LinksError } from "../errors.ts";
import { isEndpoint, planEndpoint, planEndpointRepair } from "../links/endpoint-plan.ts";
import type { ObservedLink } from "../links/observed.ts";
import { endpointNames, readAlias } from "../links/port-names.ts";
import type { EndpointSpec } from "../types.ts";
import type { Bridges } from "./bridges.ts";
import { type Context, carryOut } from "./context.ts";
import type { PortRights } from "./firewall/firewall.ts";
import { describeSteps, readPort, readPorts } from "./kernel.ts";

/** A pair in place. */
export interface Endpoint {
  /** Name of the inner end while it is on the host. */
  readonly inner: string;
  readonly mac: string;
}

/** Pairs for engines that move the inner end themselves. */
export class Endpoints {
  readonly #context: Context;
  readonly #bridges: Bridges;
  readonly #guard: () => Promise<void>;
  /** What each port may say. Bounded by: endpoints of this host; ports that are gone leave at the next repair. */
  readonly #ports = new Map<string, PortRights>();
  /** Bridges of the endpoints made here. Bounded by: bridges that the program asked for. */
  readonly #usedBridges = new Set<string>();

  constructor(context: Context, bridges: Bridges, guard: () => Promise<void>) {
    this.#context = context;
    this.#bridges = bridges;
    this.#guard = guard;
  }

  async create(spec: EndpointSpec): Promise<Endpoint> {
    const { prefix, runner } = this.#context;
    const { host, inner } = endpointNames(spec.id);
    const [first] = spec.addresses;
    const mac = spec.mac ?? (first === undefined ? undefined : macOfAddress(first));
    const mtu = spec.mtu ?? this.#bridges.mtuOf(spec.bridge);
    const steps = planEndpoint({ ...spec, ...(mac && { mac }), ...(mtu && { mtu }) }, prefix);
    if (await readPort(runner, host))
      throw new LinksError("LINKS_INVALID", `the endpoint ${spec.id} exists already; remove it first`);
    this.#usedBridges.add(spec.bridge);
    this.#ports.set(host, guarded(host, spec.addresses, mac?.toLowerCase()));
    try {
      // Rules come first, so that the container's first frame is checked.
      await this.#guard();
      await carryOut(this.#context, steps);
    } catch (error) {
      await this.remove(spec.id);
      throw error;
    }
    return { inner, mac: (await readPort(runner, inner))?.mac ?? mac ?? "" };
  }

  /** Succeeds when there is nothing to remove: usually the end of the container's namespace has taken the pair along. */
  async remove(id: string): Promise<void> {
    const { host } = endpointNames(id);
    await this.#context.runner.run({ argv: ["ip", "link", "delete", "dev", host] });
    if (this.#ports.delete(host)) await this.#guard();
  }

  /** Plugs in again what fell off the bridge, and learns what an earlier process made. What was done, in words. */
  async repair(bridge?: string): Promise<string[]> {
    if (bridge !== undefined) this.#usedBridges.add(bridge);
    if (this.#usedBridges.size === 0) return [];
    const { runner, prefix } = this.#context;
    const ports = await readPorts(runner);
    this.#learn(ports);
    const repairs: string[] = [];
    for (const name of this.#usedBridges) {
      const orphaned = ports.filter((port) => port.master === undefined || port.master === name);
      const steps = planEndpointRepair(orphaned, name, prefix);
      await carryOut(this.#context, steps);
      repairs.push(...describeSteps(steps));
    }
    return repairs;
  }

  rights(): PortRights[] {
    return [...this.#ports.values()];
  }

  #learn(ports: readonly ObservedLink[]): void {
    const { prefix } = this.#context;
    const present = ports.filter((port) => isEndpoint(port, prefix));
    for (const name of [...this.#ports.keys()])
      if (!present.some(({ ifname }) => ifname === name)) this.#ports.delete(name);
    for (const { ifname, alias } of present)
      if (!this.#ports.has(ifname))
        this.#ports.set(ifname, guarded(ifname, readAlias(alias, prefix)?.addresses ?? [], undefined));
  }
}

function guarded(port: string, addresses: readonly string[], mac: string | undefined): PortRights {
  return { port, addresses, mac, strict: undefined, allowSources: [], allowDhcp: false };
}
