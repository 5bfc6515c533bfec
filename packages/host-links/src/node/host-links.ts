import {
  aliasPrefix,
  containerIfname,
  type ObservedAttachment,
  planAttach,
  planDetach,
  portName,
} from "../attach-plan.ts";
import { planBridge, planBridgeAddressRemoval } from "../bridge-plan.ts";
import { LinksError } from "../errors.ts";
import type { ObservedLink } from "../observed.ts";
import type { Step } from "../steps.ts";
import type { AttachmentSpec, BridgeSpec, DesiredState, FirewallSpec, Logger, Target } from "../types.ts";
import { createFirewallKeeper } from "./firewall.ts";
import { applySteps, describeSteps, must, observeHost, readInner, readPort, readPorts } from "./kernel.ts";
import { namespacePath, resolveNamespace } from "./namespaces.ts";
import { createQueues } from "./queues.ts";
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
}

/** An attachment in place. */
export interface Attached {
  readonly id: string;
  readonly ifname: string;
  /** The host end. */
  readonly port: string;
  readonly mac: string;
  readonly mtu: number;
  /** All addresses of the interface, also those from before. */
  readonly addresses: readonly string[];
  /** What was done; empty when all was in place. */
  readonly steps: readonly Step[];
}

/** Which attachment, and which of its addresses. */
export interface DetachRequest {
  readonly id: string;
  /** Missing: the process is gone, only our end is cleaned up. */
  readonly target?: Target;
  readonly ifname?: string;
  /** @defaultValue all, and the interface with them */
  readonly addresses?: readonly string[];
}

/** A host end found on the machine. */
export interface PortStatus {
  /** As given to `attach`. */
  readonly id: string;
  readonly port: string;
  readonly bridge: string | undefined;
  readonly up: boolean;
}

/** Keeps links and rules of one host. What was asked for last is remembered and repaired by `check` and `watch`. */
export interface HostLinks extends AsyncDisposable {
  /** Changes what differs; missing parts of `desired` are left alone, attachments that are not listed stay. */
  apply(desired: DesiredState): Promise<Step[]>;
  ensureBridge(bridge: BridgeSpec): Promise<Step[]>;
  /** Takes addresses off the bridge. */
  removeBridgeAddresses(bridge: string, addresses: readonly string[]): Promise<Step[]>;
  attach(attachment: AttachmentSpec): Promise<Attached>;
  /** Succeeds when nothing is left to detach. The addresses that were taken away. */
  detach(request: DetachRequest): Promise<string[]>;
  /** The interface in a namespace; undefined without one. @throws LinksError LINKS_NO_NAMESPACE */
  inspect(target: Target, ifname?: string): Promise<ObservedLink | undefined>;
  /** Host ends of ours, including those made by an earlier process. */
  list(): Promise<PortStatus[]>;
  /** Replaces all rules of ours, atomically; true when something was changed. */
  setFirewall(firewall: FirewallSpec): Promise<boolean>;
  /** Removes all rules of ours. */
  clearFirewall(): Promise<void>;
  /** Repairs what drifted from what was asked for; what it did, in words. */
  check(): Promise<string[]>;
  /** Runs {@link HostLinks.check} whenever the host changes, until closed. */
  watch(onRepair?: (repairs: readonly string[]) => void): Watching;
  /** Stops watching; leaves links and rules in place. Idempotent. */
  close(): Promise<void>;
}

/** Starts keeping the links of this host. Nothing is changed before the first request. */
export function createHostLinks(options: HostLinksOptions = {}): HostLinks {
  const { runner = createHostRunner(), logger, hostNetns = "/proc/self/ns/net", procPath } = options;
  const firewall = createFirewallKeeper(runner);
  let wantedBridge: BridgeSpec | undefined;
  let wantedFirewall: FirewallSpec | undefined;
  /** Bounded by: attached namespaces of this host. */
  const wanted = new Map<string, AttachmentSpec>();
  /** Bounded by: watchers, one in practice. */
  const watchers = new Set<Watching>();
  const inOrder = createQueues();
  let closed = false;

  const open = () => {
    if (closed) throw new LinksError("LINKS_CLOSED", "these host links were closed");
  };

  async function carryOut(steps: readonly Step[]): Promise<void> {
    if (steps.length === 0) return;
    logger?.debug("changing links", { steps: describeSteps(steps) });
    await applySteps(runner, steps);
  }

  async function observe(id: string, ifname: string, netns: string): Promise<ObservedAttachment> {
    const [port, inner] = await Promise.all([readPort(runner, portName(id, ifname)), readInner(runner, netns, ifname)]);
    return { port, ...inner };
  }

  async function ensureBridge(bridge: BridgeSpec): Promise<Step[]> {
    const steps = planBridge(await observeHost(runner, bridge.name), bridge);
    await carryOut(steps);
    return steps;
  }

  async function plugIn(spec: AttachmentSpec): Promise<Attached> {
    const ifname = spec.ifname ?? containerIfname;
    const netns = await resolveNamespace(spec.target, hostNetns, procPath);
    const before = await observe(spec.id, ifname, netns);
    const mtu = spec.mtu ?? wantedBridge?.mtu;
    const steps = planAttach(before, { ...spec, ...(mtu !== undefined && { mtu }) }, netns);
    try {
      await carryOut(steps);
    } catch (error) {
      // Half a link is worse than none; but what was there before stays.
      if (!before.port) await runner.run({ argv: ["ip", "link", "delete", "dev", portName(spec.id, ifname)] });
      throw error;
    }
    const { inner } = steps.length === 0 ? before : await readInner(runner, netns, ifname);
    if (!inner) throw new LinksError("LINKS_NO_NAMESPACE", `${ifname} vanished from ${netns} while being attached`);
    return {
      id: spec.id,
      ifname,
      port: portName(spec.id, ifname),
      mac: inner.mac,
      mtu: inner.mtu,
      addresses: inner.addresses,
      steps,
    };
  }

  /** The rules with the sources of anti-spoofed attachments in them. */
  function completeFirewall(): FirewallSpec | undefined {
    const sources = [...wanted.values()]
      .filter((spec) => spec.antiSpoof && spec.addresses.length > 0)
      .map((spec) => ({ port: portName(spec.id, spec.ifname), addresses: spec.addresses }));
    const base = wantedFirewall ?? (sources.length > 0 && wantedBridge ? { bridge: wantedBridge.name } : undefined);
    return base && { ...base, sources: [...(base.sources ?? []), ...sources] };
  }

  async function ensureFirewall(): Promise<boolean> {
    const spec = completeFirewall();
    if (!spec) return false;
    const forwards = (spec.exposures ?? []).length + (spec.services ?? []).length > 0;
    if (forwards) await must(runner, { argv: ["sysctl", "-q", "-w", "net.ipv4.ip_forward=1"] });
    return firewall.ensure(spec);
  }

  async function attach(spec: AttachmentSpec): Promise<Attached> {
    open();
    return inOrder(keyOf(spec), async () => {
      const attached = await plugIn(spec);
      const merged = { ...spec, addresses: attached.addresses };
      wanted.set(keyOf(spec), merged);
      if (spec.antiSpoof) await inOrder("firewall", ensureFirewall);
      return attached;
    });
  }

  async function detach(request: DetachRequest): Promise<string[]> {
    open();
    const { id, ifname = containerIfname, target, addresses } = request;
    return inOrder(keyOf(request), async () => {
      const netns = target && namespacePath(target, procPath);
      const before = netns === undefined ? undefined : await observe(id, ifname, netns).catch(goneIsFine);
      const now = before ?? { port: await readPort(runner, portName(id, ifname)), inner: undefined, routes: [] };
      const spec = wanted.get(keyOf(request));
      wanted.delete(keyOf(request));
      await carryOut(planDetach(now, { ...request, ...(!before && { addresses: undefined as never }) }, netns ?? ""));
      const removed = (now.inner?.addresses ?? []).filter((cidr) => !addresses || addresses.includes(cidr));
      const left = (now.inner?.addresses ?? []).filter((cidr) => !removed.includes(cidr));
      if (spec && addresses && left.length > 0) wanted.set(keyOf(request), { ...spec, addresses: left });
      if (spec?.antiSpoof) await inOrder("firewall", ensureFirewall);
      return removed;
    });
  }

  const isPlugged = (port: ObservedLink | undefined, spec: AttachmentSpec) => port?.up && port.master === spec.bridge;

  async function repairAttachment(spec: AttachmentSpec): Promise<string[]> {
    return inOrder(keyOf(spec), async () => {
      // Detached meanwhile, or replaced by a newer wish.
      if (wanted.get(keyOf(spec)) !== spec) return [];
      if (isPlugged(await readPort(runner, portName(spec.id, spec.ifname)), spec)) return [];
      try {
        return describeSteps((await plugIn(spec)).steps);
      } catch (error) {
        if (goneIsFine(error) === undefined) wanted.delete(keyOf(spec));
        return [];
      }
    });
  }

  /** One look at all ports; only what seems torn is asked for by itself, in its own turn. */
  async function checkAttachments(): Promise<string[]> {
    if (wanted.size === 0) return [];
    const ports = new Map((await readPorts(runner)).map((port) => [port.ifname, port]));
    const repairs: string[] = [];
    for (const spec of [...wanted.values()]) {
      if (!isPlugged(ports.get(portName(spec.id, spec.ifname)), spec)) repairs.push(...(await repairAttachment(spec)));
    }
    return repairs;
  }

  async function check(): Promise<string[]> {
    if (closed) return [];
    const repairs: string[] = [];
    if (wantedBridge) repairs.push(...describeSteps(await inOrder("bridge", () => ensureBridge(wantedBridge!))));
    if (await inOrder("firewall", ensureFirewall)) repairs.push("firewall rules restored");
    repairs.push(...(await checkAttachments()));
    return repairs;
  }

  const links: HostLinks = {
    async apply(desired) {
      open();
      const steps: Step[] = [];
      if (desired.bridge) steps.push(...(await links.ensureBridge(desired.bridge)));
      for (const spec of desired.attachments ?? []) steps.push(...(await attach(spec)).steps);
      if (desired.firewall) await links.setFirewall(desired.firewall);
      return steps;
    },
    ensureBridge(bridge) {
      open();
      wantedBridge = bridge;
      return inOrder("bridge", () => ensureBridge(bridge));
    },
    removeBridgeAddresses(bridge, addresses) {
      open();
      if (wantedBridge?.name === bridge && wantedBridge.addresses)
        wantedBridge = {
          ...wantedBridge,
          addresses: wantedBridge.addresses.filter((cidr) => !addresses.includes(cidr)),
        };
      return inOrder("bridge", async () => {
        const steps = planBridgeAddressRemoval(await observeHost(runner, bridge), bridge, addresses);
        await carryOut(steps);
        return steps;
      });
    },
    attach,
    detach,
    async inspect(target, ifname = containerIfname) {
      const netns = namespacePath(target, procPath);
      return (await readInner(runner, netns, ifname)).inner;
    },
    async list() {
      const ports = await readPorts(runner);
      return ports
        .filter((link) => link.alias?.startsWith(aliasPrefix))
        .map((link) => ({
          id: link.alias!.slice(aliasPrefix.length),
          port: link.ifname,
          bridge: link.master,
          up: link.up,
        }));
    },
    setFirewall(spec) {
      open();
      wantedFirewall = spec;
      return inOrder("firewall", ensureFirewall);
    },
    clearFirewall() {
      wantedFirewall = undefined;
      return inOrder("firewall", () => firewall.clear());
    },
    check,
    watch(onRepair) {
      open();
      const watching = watchHost(
        runner,
        async () => {
          const repairs = await check();
          if (repairs.length === 0) return;
          logger?.warn("something changed the host's network; repaired", { repairs });
          onRepair?.(repairs);
        },
        logger,
      );
      watchers.add(watching);
      return watching;
    },
    async close() {
      closed = true;
      await Promise.all([...watchers].map((watching) => watching.close()));
    },
    [Symbol.asyncDispose]: () => links.close(),
  };
  return links;
}

function keyOf({ id, ifname = containerIfname }: { readonly id: string; readonly ifname?: string }): string {
  return `${id} ${ifname}`;
}

/** A namespace that ended took its links with it. */
function goneIsFine(error: unknown): undefined {
  if (error instanceof LinksError && error.code === "LINKS_NO_NAMESPACE") return undefined;
  throw error;
}
