import { LinksError } from "../errors.ts";
import type { GuardedPort } from "../firewall/guard.ts";
import type { Drops } from "../firewall/listing.ts";
import { planNeighbours } from "../links/attach-plan.ts";
import type { ObservedLink } from "../links/observed.ts";
import { containerIfname, readAlias } from "../links/port-names.ts";
import { planBridgeRoutes, planRouting } from "../links/route-plan.ts";
import { defaultPrefix, isPrefix } from "../names.ts";
import type { Step } from "../steps.ts";
import type {
  AttachmentSpec,
  BridgeSpec,
  DesiredState,
  EndpointSpec,
  FirewallSpec,
  Logger,
  RoutingSpec,
  Target,
} from "../types.ts";
import { type Attached, Attachments, type DetachRequest } from "./attachments.ts";
import { Bridges } from "./bridges.ts";
import { type Context, carryOut } from "./context.ts";
import { type Endpoint, Endpoints } from "./endpoints.ts";
import { Firewall } from "./firewall/firewall.ts";
import { observeHost, readInner, readNames, readPorts } from "./kernel.ts";
import { namespacePath } from "./namespaces.ts";
import { createQueues } from "./queues.ts";
import { type Leftovers, removeAll } from "./removal.ts";
import { createHostRunner, type HostRunner } from "./runner.ts";
import { type Watching, watchHost } from "./watch.ts";

/** How {@link createHostLinks} works. */
export interface HostLinksOptions {
  /** @defaultValue commands on this machine, see {@link createHostRunner} */
  readonly runner?: HostRunner;
  readonly logger?: Logger;
  /** Path of the namespace that is the host. @defaultValue "/proc/self/ns/net" */
  readonly hostNetns?: string;
  /** Where processes are found. @defaultValue "/proc" */
  readonly procPath?: string;
  /**
   * Start of the names of tables, chains, aliases: 1 to 10 lower-case letters, digits, and dashes. Two programs on one host choose
   * different ones. @defaultValue "weave"
   */
  readonly prefix?: string;
  /** Name of this program, kept in its tables: another program with the same prefix is refused. @defaultValue the prefix */
  readonly owner?: string;
}

/** A host end found on the machine. */
export interface PortStatus {
  /** As given to `attach`; of attachments that share a namespace, one that is still there. */
  readonly id: string;
  readonly port: string;
  readonly bridge: string | undefined;
  readonly up: boolean;
}

/** What the rules of ours do. */
export interface FirewallStatus {
  /** Ports that are checked, and what their workloads may say. */
  readonly ports: readonly GuardedPort[];
  /** The rules last set; undefined before {@link HostLinks.setFirewall}. */
  readonly rules: FirewallSpec | undefined;
  /** Packets and frames dropped so far, by reason. */
  readonly drops: Drops;
}

/** Keeps links and rules of one host. The last request for each thing is remembered, and repaired by `check` and `watch`. */
export interface HostLinks extends AsyncDisposable {
  /** Changes what differs; missing members of `desired` are left as they are, and attachments that are not listed stay. */
  apply(desired: DesiredState): Promise<Step[]>;
  ensureBridge(bridge: BridgeSpec): Promise<Step[]>;
  /** Removes addresses from the bridge. */
  removeBridgeAddresses(bridge: string, addresses: readonly string[]): Promise<Step[]>;
  /** Deletes the bridge. @throws LinksError LINKS_FOREIGN when it is another program's */
  removeBridge(bridge: string): Promise<Step[]>;
  /** Makes our routes over a bridge these, and no others. */
  setBridgeRoutes(bridge: string, subnets: readonly string[]): Promise<Step[]>;
  /** Prepares the host for a bridge whose subnet lies mostly behind a router. */
  prepareRouting(routing: RoutingSpec): Promise<void>;
  attach(attachment: AttachmentSpec): Promise<Attached>;
  /** Succeeds when nothing is left to detach. The addresses that were removed. */
  detach(request: DetachRequest): Promise<string[]>;
  /** Makes a pair whose inner end an engine moves into its container. */
  createEndpoint(endpoint: EndpointSpec): Promise<Endpoint>;
  /** Succeeds when there is nothing to remove. */
  removeEndpoint(id: string): Promise<void>;
  /** Plugs endpoints back into a bridge that was made anew, and learns those of an earlier process. What was done. */
  repairEndpoints(bridge: string): Promise<string[]>;
  /** Gives interfaces that an engine moved into a namespace the neighbour settings of attachments. The interfaces. */
  settleNeighbours(target: Target, ifnames: RegExp): Promise<string[]>;
  /** The interface in a namespace; undefined without one. @throws LinksError LINKS_NO_NAMESPACE */
  inspect(target: Target, ifname?: string): Promise<ObservedLink | undefined>;
  /** Host ends of attachments, including those made by an earlier process. */
  list(): Promise<PortStatus[]>;
  /** Replaces all rules of ours, atomically; true when something was changed. */
  setFirewall(firewall: FirewallSpec): Promise<boolean>;
  /** Removes all rules of ours but the anti-spoofing of what is attached. */
  clearFirewall(): Promise<void>;
  firewallStatus(): Promise<FirewallStatus>;
  /** Repairs what drifted from the requests; what it did, in words. */
  check(): Promise<string[]>;
  /** Runs {@link HostLinks.check} whenever the host changes, until closed. */
  watch(onRepair?: (repairs: readonly string[]) => void): Watching;
  /** Removes everything of ours from the host: attachments, endpoints, rules, routes, and these bridges and devices. */
  removeAll(devices?: readonly string[]): Promise<Leftovers>;
  /** Stops watching; links and rules are kept. Idempotent. */
  close(): Promise<void>;
}

/** Starts keeping the links of this host. Nothing is changed before the first request. */
export function createHostLinks(options: HostLinksOptions = {}): HostLinks {
  const { prefix = defaultPrefix, owner = prefix } = options;
  for (const name of [prefix, owner])
    if (!isPrefix(name))
      throw new LinksError(
        "LINKS_INVALID",
        `"${name}" is not a valid prefix; expected 1 to 10 lower-case letters, digits, and dashes`,
      );
  return new KeptHost({
    prefix,
    owner,
    runner: options.runner ?? createHostRunner(),
    logger: options.logger,
    hostNetns: options.hostNetns ?? "/proc/self/ns/net",
    procPath: options.procPath ?? "/proc",
    inOrder: createQueues(),
  });
}

class KeptHost implements HostLinks {
  readonly #context: Context;
  readonly #bridges: Bridges;
  readonly #attachments: Attachments;
  readonly #endpoints: Endpoints;
  readonly #firewall: Firewall;
  /** Bounded by: watchers, one in practice. */
  readonly #watchers = new Set<Watching>();
  #closed = false;

  constructor(context: Context) {
    const guard = () => this.#firewall.guard();
    this.#context = context;
    this.#bridges = new Bridges(context);
    this.#attachments = new Attachments(context, this.#bridges, guard);
    this.#endpoints = new Endpoints(context, this.#bridges, guard);
    this.#firewall = new Firewall(context, () => [...this.#attachments.rights(), ...this.#endpoints.rights()]);
  }

  async apply(desired: DesiredState): Promise<Step[]> {
    const steps: Step[] = [];
    if (desired.bridge) steps.push(...(await this.ensureBridge(desired.bridge)));
    for (const spec of desired.attachments ?? []) steps.push(...(await this.attach(spec)).steps);
    if (desired.firewall) await this.setFirewall(desired.firewall);
    return steps;
  }

  async ensureBridge(bridge: BridgeSpec): Promise<Step[]> {
    this.#mustBeOpen();
    return this.#bridges.ensure(bridge);
  }

  async removeBridgeAddresses(bridge: string, addresses: readonly string[]): Promise<Step[]> {
    this.#mustBeOpen();
    return this.#bridges.removeAddresses(bridge, addresses);
  }

  async removeBridge(bridge: string): Promise<Step[]> {
    this.#mustBeOpen();
    return this.#bridges.remove(bridge);
  }

  async setBridgeRoutes(bridge: string, subnets: readonly string[]): Promise<Step[]> {
    this.#mustBeOpen();
    return this.#context.inOrder(`routes ${bridge}`, async () => {
      const { routes } = await observeHost(this.#context.runner, bridge);
      const steps = planBridgeRoutes(routes, bridge, subnets);
      await carryOut(this.#context, steps);
      return steps;
    });
  }

  async prepareRouting(routing: RoutingSpec): Promise<void> {
    this.#mustBeOpen();
    await carryOut(this.#context, [planRouting(routing)]);
  }

  async attach(attachment: AttachmentSpec): Promise<Attached> {
    this.#mustBeOpen();
    return this.#attachments.attach(attachment);
  }

  async detach(request: DetachRequest): Promise<string[]> {
    this.#mustBeOpen();
    return this.#attachments.detach(request);
  }

  async createEndpoint(endpoint: EndpointSpec): Promise<Endpoint> {
    this.#mustBeOpen();
    return this.#endpoints.create(endpoint);
  }

  async removeEndpoint(id: string): Promise<void> {
    this.#mustBeOpen();
    return this.#endpoints.remove(id);
  }

  async repairEndpoints(bridge: string): Promise<string[]> {
    this.#mustBeOpen();
    const repairs = await this.#endpoints.repair(bridge);
    await this.#firewall.guard();
    return repairs;
  }

  async settleNeighbours(target: Target, ifnames: RegExp): Promise<string[]> {
    this.#mustBeOpen();
    const { runner, procPath } = this.#context;
    const netns = namespacePath(target, procPath);
    const names = (await readNames(runner, netns)).filter((name) => ifnames.test(name));
    await carryOut(this.#context, planNeighbours(netns, names));
    return names;
  }

  async inspect(target: Target, ifname: string = containerIfname): Promise<ObservedLink | undefined> {
    this.#mustBeOpen();
    const { runner, procPath } = this.#context;
    return (await readInner(runner, namespacePath(target, procPath), ifname)).inner;
  }

  async list(): Promise<PortStatus[]> {
    this.#mustBeOpen();
    const { runner, prefix } = this.#context;
    return (await readPorts(runner)).flatMap(({ ifname, alias, master, up }) => {
      const read = readAlias(alias, prefix);
      return read?.kind === "attachment" ? [{ id: read.id, port: ifname, bridge: master, up }] : [];
    });
  }

  async setFirewall(firewall: FirewallSpec): Promise<boolean> {
    this.#mustBeOpen();
    if (this.#firewall.wanted === undefined)
      await Promise.all([this.#attachments.learn(), this.#endpoints.repair(firewall.bridge)]);
    return this.#firewall.set(firewall);
  }

  async clearFirewall(): Promise<void> {
    this.#mustBeOpen();
    return this.#firewall.clear();
  }

  async firewallStatus(): Promise<FirewallStatus> {
    this.#mustBeOpen();
    return { ports: this.#firewall.ports(), rules: this.#firewall.wanted, drops: await this.#firewall.drops() };
  }

  async check(): Promise<string[]> {
    this.#mustBeOpen();
    return this.#repair();
  }

  watch(onRepair?: (repairs: readonly string[]) => void): Watching {
    this.#mustBeOpen();
    const { runner, logger } = this.#context;
    const look = async () => {
      const repairs = await this.#repair();
      if (repairs.length === 0) return;
      logger?.warn("another program changed the host's network; repaired", { repairs });
      onRepair?.(repairs);
    };
    const watching = watchHost(runner, look, logger);
    this.#watchers.add(watching);
    return watching;
  }

  async removeAll(devices: readonly string[] = []): Promise<Leftovers> {
    this.#mustBeOpen();
    await Promise.all([...this.#watchers].map((watching) => watching.close()));
    return removeAll(this.#context, devices);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#watchers].map((watching) => watching.close()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Rules come first: what is plugged back in is checked from its first frame on. */
  async #repair(): Promise<string[]> {
    if (this.#closed) return [];
    const repairs = await this.#bridges.repair();
    repairs.push(...(await this.#endpoints.repair()));
    if (await this.#firewall.ensure()) repairs.push("firewall rules restored");
    repairs.push(...(await this.#attachments.repair()));
    return repairs;
  }

  #mustBeOpen(): void {
    if (this.#closed) throw new LinksError("LINKS_CLOSED", "these host links were closed");
  }
}
