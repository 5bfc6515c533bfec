import { readCidr } from "../address.ts";
import { LinksError } from "../errors.ts";
import { attachedPair, type ObservedAttachment, planAttach } from "../links/attach-plan.ts";
import { planDetach, removedAddresses } from "../links/detach-plan.ts";
import type { ObservedLink } from "../links/observed.ts";
import { containerIfname, portName, readAlias } from "../links/port-names.ts";
import type { Step } from "../steps.ts";
import type { AttachmentSpec, Target } from "../types.ts";
import type { Bridges } from "./bridges.ts";
import { type Context, carryOut } from "./context.ts";
import type { PortRights } from "./firewall/firewall.ts";
import { type Group, Groups } from "./groups.ts";
import { describeSteps, readInner, readPorts } from "./kernel.ts";
import { type Namespace, resolveNamespace } from "./namespaces.ts";

/** An attachment in place. */
export interface Attached {
  readonly id: string;
  readonly ifname: string;
  /** The host end. Attachments of one namespace share it. */
  readonly port: string;
  readonly mac: string;
  /** Bytes. */
  readonly mtu: number;
  /** All addresses of the interface, also those of others and from before. */
  readonly addresses: readonly string[];
  /** What was done; empty when all was in place. */
  readonly steps: readonly Step[];
}

/** Which attachment, and which of its addresses. */
export interface DetachRequest {
  readonly id: string;
  /** Missing: the process is gone, and what is left of it is cleaned up. */
  readonly target?: Target;
  readonly ifname?: string;
  /** @defaultValue all, and the interface with them unless others share it */
  readonly addresses?: readonly string[];
}

/** The attachments that were asked for. */
export class Attachments {
  readonly #context: Context;
  readonly #bridges: Bridges;
  readonly #guard: () => Promise<void>;
  readonly #groups = new Groups();
  /** Ports that an earlier process attached and this one was not asked for yet. Bounded by: ports of this host. */
  #orphans: readonly string[] = [];

  constructor(context: Context, bridges: Bridges, guard: () => Promise<void>) {
    this.#context = context;
    this.#bridges = bridges;
    this.#guard = guard;
  }

  attach(spec: AttachmentSpec): Promise<Attached> {
    return this.#inOrder(spec, () => this.#plugIn(spec));
  }

  async detach(request: DetachRequest): Promise<string[]> {
    return this.#inOrder(request, async () => {
      const { id, ifname = containerIfname } = request;
      const group = this.#groups.find(id, ifname);
      const namespace = await this.#namespaceOf(request, group);
      const key = namespace ? `${namespace.identity} ${ifname}` : `gone ${id}`;
      return this.#context.inOrder(key, () => this.#unplug(request, group, namespace));
    });
  }

  /** Mends what is torn; what was done, in words. One look at all ports finds the torn ones. */
  async repair(): Promise<string[]> {
    const ports = new Map((await this.learn()).map((port) => [port.ifname, port]));
    const repairs: string[] = [];
    for (const { port, ifname, members } of this.#groups.all)
      for (const [id, spec] of members)
        if (!isPlugged(ports.get(port), spec)) repairs.push(...(await this.#repairOne(id, ifname)));
    return repairs;
  }

  /** Looks for ports of an earlier process: what they say is checked before this process knows what is theirs. */
  async learn(): Promise<ObservedLink[]> {
    const { runner, prefix } = this.#context;
    const ports = await readPorts(runner);
    const ours = ports.filter(({ alias }) => readAlias(alias, prefix)?.kind === "attachment");
    this.#orphans = ours.map(({ ifname }) => ifname);
    return ports;
  }

  rights(): PortRights[] {
    const orphans = this.#orphans.filter((port) => !this.#groups.get(port));
    return [...this.#groups.rights(), ...orphans.map(unknownRights)];
  }

  async #repairOne(id: string, ifname: string): Promise<string[]> {
    return this.#inOrder({ id, ifname }, async () => {
      // Detached meanwhile, or replaced by a newer request.
      const group = this.#groups.find(id, ifname);
      const spec = group?.members.get(id);
      if (!group || !spec) return [];
      try {
        return describeSteps((await this.#plugIn(spec)).steps);
      } catch (error) {
        if (isGone(error)) this.#groups.drop(group.port, id);
        else this.#context.logger?.warn(`cannot repair the attachment of ${id}: ${(error as Error).message}`);
        return [];
      }
    });
  }

  async #plugIn(given: AttachmentSpec): Promise<Attached> {
    const { hostNetns, procPath, inOrder } = this.#context;
    const ifname = given.ifname ?? containerIfname;
    const namespace = await resolveNamespace(given.target, hostNetns, procPath);
    return inOrder(`${namespace.identity} ${ifname}`, async () => {
      const before = await this.#observe(given.id, ifname, namespace.path);
      return this.#put(this.#complete(given, before, ifname), before, namespace.path);
    });
  }

  async #put(spec: AttachmentSpec, before: ObservedAttachment, netns: string): Promise<Attached> {
    const { runner, prefix } = this.#context;
    const ifname = spec.ifname ?? containerIfname;
    const place = { netns, prefix };
    const steps = planAttach(before, this.#withOthers(spec, attachedPair(before, spec, place).port), place);
    const pair = attachedPair(before, spec, place);
    const group = this.#groups.get(pair.port);
    this.#groups.put({ ...pair, ifname }, spec);
    try {
      // Rules come first, so that the first frame is checked.
      await this.#guard();
      await carryOut(this.#context, steps);
    } catch (error) {
      // Half a link is worse than none, but a link that was there before is kept.
      if (!before.port && !before.peer) await runner.run({ argv: ["ip", "link", "delete", "dev", pair.port] });
      this.#groups.restore(pair.port, group);
      throw error;
    }
    const { inner } = steps.length === 0 ? before : await readInner(runner, netns, ifname);
    if (!inner) throw new LinksError("LINKS_NO_NAMESPACE", `${ifname} vanished from ${netns} while being attached`);
    const { mac, mtu, addresses } = inner;
    return { id: spec.id, ifname, port: pair.port, mac, mtu, addresses, steps };
  }

  async #unplug(request: DetachRequest, group: Group | undefined, namespace: Namespace | undefined): Promise<string[]> {
    const { id, ifname = containerIfname } = request;
    const own = group?.members.get(id);
    const others = [...(group?.members.values() ?? [])].filter((member) => member.id !== id);
    const theirs = new Set(others.flatMap(({ addresses }) => addresses));
    // An attachment that shares its interface takes along what is its own.
    const asked = request.addresses?.map(canonical) ?? (others.length > 0 ? own?.addresses : undefined);
    const addresses = asked?.filter((cidr) => !theirs.has(cidr));
    const now = await this.#observe(id, ifname, namespace?.path);
    const what = { ifname, addresses, heir: leaves(own, asked) ? others[0]?.id : undefined };
    const place = namespace && { netns: namespace.path, prefix: this.#context.prefix };
    const steps = planDetach(now, place ? what : { ...what, addresses: undefined }, place);
    await carryOut(this.#context, steps);
    if (group && own) {
      if (leaves(own, asked)) {
        this.#groups.drop(group.port, id);
        this.#orphans = this.#orphans.filter((port) => port !== group.port);
      } else this.#groups.put(group, { ...own, addresses: own.addresses.filter((cidr) => !asked?.includes(cidr)) });
      await this.#guard();
    }
    return removedAddresses(now.inner?.addresses ?? [], what);
  }

  /** The namespace of an attachment; that of another member of its group where its own process is gone. */
  async #namespaceOf({ target }: DetachRequest, group: Group | undefined): Promise<Namespace | undefined> {
    const { hostNetns, procPath } = this.#context;
    const targets = [target, ...[...(group?.members.values() ?? [])].map((member) => member.target)];
    for (const candidate of targets) {
      if (!candidate) continue;
      const found = await resolveNamespace(candidate, hostNetns, procPath).catch(() => undefined);
      if (found) return found;
    }
    return undefined;
  }

  async #observe(id: string, ifname: string, netns: string | undefined): Promise<ObservedAttachment> {
    const { runner, prefix } = this.#context;
    const [ports, inside] = await Promise.all([
      readPorts(runner),
      netns === undefined ? { inner: undefined, routes: [] } : readInner(runner, netns, ifname).catch(goneIsEmpty),
    ]);
    const { inner } = inside;
    const peer = inner && ports.find((port) => port.index === inner.peerIndex && port.peerIndex === inner.index);
    const name = portName(id, ifname, prefix);
    return { ...inside, peer, port: ports.find((port) => port.ifname === name) ?? byAlias(ports, id, prefix, netns) };
  }

  /** The request with what this process knows: the bridge's MTU, and the addresses of earlier requests for the same id. */
  #complete(given: AttachmentSpec, before: ObservedAttachment, ifname: string): AttachmentSpec {
    const mtu = given.mtu ?? this.#bridges.mtuOf(given.bridge);
    const earlier = given.exact ? undefined : this.#groups.find(given.id, ifname)?.members.get(given.id)?.addresses;
    const present = earlier?.filter((cidr) => before.inner?.addresses.includes(cidr)) ?? [];
    const addresses = [...new Set([...present, ...given.addresses.map(canonical)])];
    return { ...given, addresses, ...(mtu !== undefined && { mtu }) };
  }

  /** `exact` is about addresses that no attachment asked for. */
  #withOthers(spec: AttachmentSpec, port: string): AttachmentSpec {
    if (!spec.exact) return spec;
    const members = [...(this.#groups.get(port)?.members.values() ?? [])].filter(({ id }) => id !== spec.id);
    return { ...spec, addresses: [...new Set([...spec.addresses, ...members.flatMap(({ addresses }) => addresses)])] };
  }

  #inOrder<T>({ id, ifname = containerIfname }: { id: string; ifname?: string }, act: () => Promise<T>): Promise<T> {
    return this.#context.inOrder(`attachment ${id} ${ifname}`, act);
  }
}

/** Not strict: the addresses of the workload are not known. */
function unknownRights(port: string): PortRights {
  return { port, addresses: [], mac: undefined, strict: false, allowSources: [], allowDhcp: false };
}

/** Whether nothing of an attachment stays. */
function leaves(own: AttachmentSpec | undefined, asked: readonly string[] | undefined): boolean {
  return own === undefined || asked === undefined || own.addresses.every((cidr) => asked.includes(cidr));
}

/** Where the process is gone, its port may still be there under the alias, as that of a namespace held by others. */
function byAlias(
  ports: readonly ObservedLink[],
  id: string,
  prefix: string,
  netns: string | undefined,
): ObservedLink | undefined {
  if (netns !== undefined) return undefined;
  return ports.find(({ alias }) => {
    const read = readAlias(alias, prefix);
    return read?.kind === "attachment" && read.id === id;
  });
}

function isPlugged(port: ObservedLink | undefined, spec: AttachmentSpec): boolean {
  return port?.up === true && port.master === spec.bridge;
}

function canonical(cidr: string): string {
  const { address, cidr: block } = readCidr(cidr);
  return `${address}/${block.length}`;
}

function isGone(error: unknown): boolean {
  return error instanceof LinksError && error.code === "LINKS_NO_NAMESPACE";
}

/** A namespace that ended took its links with it. */
function goneIsEmpty(error: unknown): Pick<ObservedAttachment, "inner" | "routes"> {
  if (isGone(error)) return { inner: undefined, routes: [] };
  throw error;
}
