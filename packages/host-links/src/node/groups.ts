import type { AttachmentSpec } from "../types.ts";
import type { PortRights } from "./firewall/firewall.ts";

/** One interface in a namespace, and the attachments that share it: containers may share a namespace. */
export interface Group {
  readonly port: string;
  readonly ifname: string;
  readonly mac: string | undefined;
  /** By id, in the order of attaching. Bounded by: containers of one namespace. */
  readonly members: ReadonlyMap<string, AttachmentSpec>;
}

/** The attachments that were asked for, by the host end that they use. */
export class Groups {
  /** Bounded by: attached namespaces of this host. */
  readonly #byPort = new Map<string, Group>();

  get all(): Group[] {
    return [...this.#byPort.values()];
  }

  get(port: string): Group | undefined {
    return this.#byPort.get(port);
  }

  /** The group of an attachment. */
  find(id: string, ifname: string): Group | undefined {
    return this.all.find((group) => group.ifname === ifname && group.members.has(id));
  }

  /** Adds or replaces a member, and takes it out of any other group. */
  put(group: Omit<Group, "members">, spec: AttachmentSpec): void {
    const before = this.find(spec.id, group.ifname);
    if (before && before.port !== group.port) this.drop(before.port, spec.id);
    const members = new Map(this.#byPort.get(group.port)?.members).set(spec.id, spec);
    this.#byPort.set(group.port, { ...group, members });
  }

  /** Takes a member out; the group is gone with its last member. */
  drop(port: string, id: string): void {
    const group = this.#byPort.get(port);
    if (!group) return;
    const members = new Map(group.members);
    members.delete(id);
    if (members.size === 0) this.#byPort.delete(port);
    else this.#byPort.set(port, { ...group, members });
  }

  /** Puts a group back as it was, or away if there was none. */
  restore(port: string, before: Group | undefined): void {
    if (before) this.#byPort.set(port, before);
    else this.#byPort.delete(port);
  }

  /** What may be said through each port: the sum of what its members may. */
  rights(): PortRights[] {
    return this.all.map(({ port, mac, members }) => {
      const specs = [...members.values()];
      const modes = specs.map(({ antiSpoof }) => antiSpoof);
      return {
        port,
        mac,
        addresses: specs.flatMap(({ addresses }) => addresses),
        strict: modes.includes("strict") ? true : modes.every((mode) => mode === undefined) ? undefined : false,
        allowSources: specs.flatMap(({ allowSources = [] }) => allowSources),
        allowDhcp: specs.some(({ allowDhcp }) => allowDhcp),
      };
    });
  }
}
