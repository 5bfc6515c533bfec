import { NetlabError } from "./errors.ts";
import { formatIpv4, isHostAddress, parseCidr, parseIpv4 } from "./ipv4.ts";

/** A lab as a person writes it, in code or in a topology file. */
export interface LabOptions {
  /** Shown by `netlab ls`. @defaultValue `"lab"` */
  readonly name?: string;
  /** Switches by name. @defaultValue one switch called `switch` */
  readonly switches?: Readonly<Record<string, SwitchOptions>>;
  /** Hosts by name: letters, digits, dashes; at most 20 characters. */
  readonly hosts: Readonly<Record<string, HostOptions>>;
  /** Where daemon logs go; kept after the lab is gone. @defaultValue inside the lab, removed with it */
  readonly logDir?: string;
  /** Whether IPv6 is on inside the lab. @defaultValue false, so that captures show only what a test caused */
  readonly ipv6?: boolean;
}

/** One switch, which is one subnet. All routed switches are joined by the lab's router (address `.1` in each). */
export interface SwitchOptions {
  /** @defaultValue `10.77.<n>.0/24`, counting from 1 */
  readonly subnet?: string;
  /** A name for several switches together, usable wherever a fault takes a group. */
  readonly region?: string;
  /** Bytes. @defaultValue 1500 */
  readonly mtu?: number;
  /** Whether the router joins it to the other routed switches. @defaultValue true */
  readonly routed?: boolean;
}

/** One host: a network namespace with its own interfaces, resolver file, hostname, `/run`. */
export interface HostOptions {
  /** The switch or switches it is plugged into: `eth0`, `eth1`, ... @defaultValue the first switch */
  readonly switch?: string | readonly string[];
  /** Addresses, one per switch. @defaultValue `.11`, `.12`, ... of the subnet */
  readonly address?: string | readonly string[];
  /** Puts a NAT router between host and switch; the address above becomes its outside address. */
  readonly nat?: boolean | NatOptions;
  /** Containers by name, or how many (`c1`, `c2`, ...). */
  readonly containers?: number | Readonly<Record<string, ContainerOptions>>;
  /** Content of the host's `/etc/resolv.conf`. @defaultValue an empty list of servers */
  readonly dns?: DnsOptions;
  /** Own process namespace, in which killing process 1 kills everything. @defaultValue the value of `docker` */
  readonly pidNamespace?: boolean;
  /** Whether `startDocker` may be called. @defaultValue false */
  readonly docker?: boolean;
}

/** A NAT router of one host. */
export interface NatOptions {
  /** Subnet between host and router. @defaultValue `192.168.<100+n>.0/24` */
  readonly inside?: string;
  /** TCP and UDP ports that the router passes in to the host. */
  readonly forward?: readonly number[];
  /** A new, random outside port for every connection, as the worst home routers do. @defaultValue false */
  readonly symmetric?: boolean;
}

/** A container: a network namespace with a process, inside a host. */
export interface ContainerOptions {
  /** With prefix, `10.50.0.2/24`: joins it to the host's own bridge `lab0`. @defaultValue no interface but `lo` */
  readonly address?: string;
}

/** What goes into a resolver file. */
export interface DnsOptions {
  readonly nameservers?: readonly string[];
  readonly search?: readonly string[];
  readonly options?: readonly string[];
}

/** A switch with every default filled in. */
export interface SwitchPlan {
  readonly name: string;
  readonly region: string | undefined;
  readonly bridge: string;
  readonly subnet: string;
  readonly gateway: string;
  readonly bits: number;
  readonly mtu: number;
  readonly routed: boolean;
}

/** One cable: the host's (or its NAT router's) device, the switch's port, the address. */
export interface NicPlan {
  readonly switch: SwitchPlan;
  readonly device: string;
  readonly port: string;
  readonly address: string;
}

/** A NAT router with every default filled in. */
export interface NatPlan {
  readonly hostAddress: string;
  readonly gateway: string;
  readonly bits: number;
  readonly forward: readonly number[];
  readonly symmetric: boolean;
}

/** A container with every default filled in. */
export interface ContainerPlan {
  readonly name: string;
  readonly address: string | undefined;
  readonly bits: number;
  readonly gateway: string | undefined;
}

/** A host with every default filled in. */
export interface HostPlan {
  readonly name: string;
  readonly nics: readonly NicPlan[];
  readonly nat: NatPlan | undefined;
  readonly containers: readonly ContainerPlan[];
  readonly resolver: string;
  readonly pidNamespace: boolean;
  readonly docker: boolean;
}

/** A checked lab: every name known, every address inside its subnet and used once. */
export interface Topology {
  readonly name: string;
  readonly switches: readonly SwitchPlan[];
  readonly hosts: readonly HostPlan[];
  readonly ipv6: boolean;
}

const nameRule = /^[A-Za-z0-9][A-Za-z0-9-]{0,19}$/;

function invalid(message: string): NetlabError {
  return new NetlabError("TOPOLOGY_INVALID", message);
}

function checkName(kind: string, name: string): void {
  if (!nameRule.test(name)) throw invalid(`${kind} "${name}": a name is 1 to 20 letters, digits or dashes`);
}

function list<T>(value: T | readonly T[] | undefined): readonly T[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value as T];
}

function planSwitch(name: string, options: SwitchOptions, index: number): SwitchPlan {
  checkName("switch", name);
  const text = options.subnet ?? `10.77.${index + 1}.0/24`;
  const { base, bits } = parseCidr(text, `subnet of switch ${name}`);
  return {
    name,
    region: options.region,
    bridge: `s${index}`,
    subnet: `${formatIpv4(base)}/${bits}`,
    gateway: formatIpv4(base + 1),
    bits,
    mtu: options.mtu ?? 1500,
    routed: options.routed ?? true,
  };
}

/** Hands out addresses and remembers the taken ones. */
class Addresses {
  /** Bounded by: hosts in the topology. */
  readonly #taken = new Map<string, string>();

  take(host: string, plug: SwitchPlan, wanted: string | undefined): string {
    const cidr = parseCidr(plug.subnet, plug.name);
    const address = wanted === undefined ? this.#next(plug) : parseIpv4(wanted);
    if (address === undefined || !isHostAddress(cidr, address)) {
      throw invalid(`address of host ${host} is "${wanted}": expected one inside ${plug.subnet}`);
    }
    const text = formatIpv4(address);
    const key = `${plug.name} ${text}`;
    const owner = text === plug.gateway ? "the router" : this.#taken.get(key);
    if (owner !== undefined) throw invalid(`address of host ${host} is ${text}, which ${owner} has already`);
    this.#taken.set(key, host);
    return text;
  }

  #next(plug: SwitchPlan): number {
    const { base, bits } = parseCidr(plug.subnet, plug.name);
    // Small subnets have no .11; they count from .2, after the gateway.
    const first = bits <= 27 ? 11 : 2;
    for (let offset = first; offset < 2 ** (32 - bits) - 1; offset++) {
      if (!this.#taken.has(`${plug.name} ${formatIpv4(base + offset)}`)) return base + offset;
    }
    throw invalid(`subnet ${plug.subnet} of switch ${plug.name} is full`);
  }
}

function planNat(nat: boolean | NatOptions | undefined, index: number): NatPlan | undefined {
  if (nat === undefined || nat === false) return;
  const options = nat === true ? {} : nat;
  const { base, bits } = parseCidr(options.inside ?? `192.168.${100 + (index % 100)}.0/24`, "inside of a NAT");
  return {
    gateway: formatIpv4(base + 1),
    hostAddress: formatIpv4(base + 2),
    bits,
    forward: options.forward ?? [],
    symmetric: options.symmetric ?? false,
  };
}

function planContainer(name: string, options: ContainerOptions): ContainerPlan {
  checkName("container", name);
  if (options.address === undefined) return { name, address: undefined, bits: 0, gateway: undefined };
  const { base, bits } = parseCidr(options.address, `address of container ${name}`);
  const address = options.address.split("/")[0] ?? "";
  const gateway = formatIpv4(base + 1);
  if (address === gateway) throw invalid(`address of container ${name} is ${address}, which is the bridge's`);
  return { name, address, bits, gateway };
}

function planContainers(containers: HostOptions["containers"]): ContainerPlan[] {
  if (typeof containers === "number") {
    return Array.from({ length: containers }, (_, index) => planContainer(`c${index + 1}`, {}));
  }
  return Object.entries(containers ?? {}).map(([name, options]) => planContainer(name, options ?? {}));
}

/** The text of a resolver file; an empty one keeps programs from asking the machine's own servers. */
export function resolverFile(dns: DnsOptions = {}): string {
  const lines = (dns.nameservers ?? []).map((server) => `nameserver ${server}`);
  if (dns.search?.length) lines.push(`search ${dns.search.join(" ")}`);
  if (dns.options?.length) lines.push(`options ${dns.options.join(" ")}`);
  return lines.map((line) => `${line}\n`).join("");
}

/**
 * Checks a lab's description and fills in every default. Pure.
 * @throws NetlabError `TOPOLOGY_INVALID`, naming the host or switch at fault
 */
export function planTopology(options: LabOptions): Topology {
  const given = Object.entries(options.switches ?? { switch: {} });
  const switches = given.map(([name, one], index) => planSwitch(name, one ?? {}, index));
  const byName = new Map(switches.map((plug) => [plug.name, plug]));
  const addresses = new Addresses();
  let port = 0;
  const hosts = Object.entries(options.hosts).map(([name, host], index): HostPlan => {
    checkName("host", name);
    const wanted = list(host?.address);
    const plugs = host?.switch === undefined ? [given[0]?.[0] ?? ""] : list(host.switch);
    const nics = plugs.map((plugName, nic): NicPlan => {
      const plug = byName.get(plugName);
      if (plug === undefined) throw invalid(`host ${name} names switch "${plugName}", which does not exist`);
      return {
        switch: plug,
        device: `eth${nic}`,
        port: `p${port++}`,
        address: addresses.take(name, plug, wanted[nic]),
      };
    });
    if (host?.nat && nics.length !== 1) throw invalid(`host ${name}: a NAT needs exactly one switch`);
    return {
      name,
      nics,
      nat: planNat(host?.nat, index),
      containers: planContainers(host?.containers),
      resolver: resolverFile(host?.dns),
      pidNamespace: host?.pidNamespace ?? host?.docker ?? false,
      docker: host?.docker ?? false,
    };
  });
  if (hosts.length === 0) throw invalid("a lab needs at least one host");
  return { name: options.name ?? "lab", switches, hosts, ipv6: options.ipv6 ?? false };
}

/**
 * The hosts that a group means: a host name, a switch name, or a region name, in this order.
 * @throws NetlabError `TOPOLOGY_INVALID` when the name is unknown
 */
export function hostsOf(topology: Topology, group: string): readonly HostPlan[] {
  const host = topology.hosts.find((one) => one.name === group);
  if (host !== undefined) return [host];
  const found = topology.hosts.filter((one) =>
    one.nics.some((nic) => nic.switch.name === group || nic.switch.region === group),
  );
  if (found.length === 0) throw invalid(`"${group}" is no host, no switch with hosts, no region with hosts`);
  return found;
}
