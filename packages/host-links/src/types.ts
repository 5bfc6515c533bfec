import type { Cidr } from "./address.ts";

/** The bridge that the workloads of this host are attached to. */
export interface BridgeSpec {
  readonly name: string;
  /** Fixed MAC; Weave Net reads its peer name from it. @defaultValue the kernel's choice, kept once made */
  readonly mac?: string;
  /** Bytes, 68 to 65535. @defaultValue the kernel's */
  readonly mtu?: number;
  /** Addresses of the host on the bridge. Other addresses that are there are kept. */
  readonly addresses?: readonly Cidr[];
  /** False leaves out the route to the subnet that the kernel makes with an address. @defaultValue true */
  readonly subnetRoute?: boolean;
}

/** Where the other end of a veth pair goes. */
export type Target =
  | { readonly pid: number }
  /** A file such as `/proc/12/ns/net` or `/run/docker/netns/1a2b`. */
  | { readonly path: string }
  /** A namespace of `ip netns`. */
  | { readonly name: string };

/** A route inside the namespace. Without `via` the destination is on the link. */
export interface RouteSpec {
  /** `default` or a subnet. */
  readonly to: string;
  readonly via?: string;
}

/** One namespace attached to the bridge. */
export interface AttachmentSpec {
  /** Whose it is, such as a container id; the host end carries it, so that it is found again after a restart. */
  readonly id: string;
  readonly target: Target;
  readonly bridge: string;
  /** @defaultValue "ethwe" */
  readonly ifname?: string;
  readonly addresses: readonly Cidr[];
  /** Addresses of the interface that no attachment lists are removed. @defaultValue false */
  readonly exact?: boolean;
  /** Bytes. @defaultValue that of its bridge */
  readonly mtu?: number;
  /** @defaultValue derived from the first address, see {@link macOfAddress} */
  readonly mac?: string;
  /** Route 224.0.0.0/4 over the interface; sources outside its subnets are dropped. @defaultValue true */
  readonly multicastRoute?: boolean;
  /** False has software complete checksums of what the container sends (`ethtool -K tx off`). @defaultValue true */
  readonly txChecksum?: boolean;
  readonly routes?: readonly RouteSpec[];
  /** Frames may leave through the port they came from. @defaultValue false */
  readonly hairpin?: boolean;
  /** How closely its sources are checked. @defaultValue that of the firewall, see {@link AntiSpoofing.mode} */
  readonly antiSpoof?: AntiSpoofMode;
  /** Subnets that it may use as sources besides its addresses: it routes for them, or holds a floating address. */
  readonly allowSources?: readonly Cidr[];
  /** It may serve DHCP and send router advertisements. @defaultValue false */
  readonly allowDhcp?: boolean;
}

/** A pair of interfaces whose inner end an engine moves into its container. */
export interface EndpointSpec {
  /** Chosen by the engine. Its first nine characters name the interfaces. */
  readonly id: string;
  readonly bridge: string;
  /** Bytes. @defaultValue that of the bridge */
  readonly mtu?: number;
  /** MAC of the inner end. @defaultValue derived from the first address, else the kernel's choice */
  readonly mac?: string;
  /** Addresses that the engine gives to the inner end; anti-spoofing knows them. */
  readonly addresses: readonly Cidr[];
}

/**
 * `impersonation`: a workload may use any source that does not belong to another workload, a host, or the gateway.
 * `strict`: it may use its own addresses only.
 */
export type AntiSpoofMode = "impersonation" | "strict";

/** Who may speak as whom on the bridge. Workloads of this host, and the host, are known without being listed. */
export interface AntiSpoofing {
  /** @defaultValue "impersonation" */
  readonly mode?: AntiSpoofMode;
  /** What belongs to others elsewhere, such as ranges that other hosts allocate from, addresses and bridge MACs of hosts. */
  readonly reserved?: { readonly addresses?: readonly Cidr[]; readonly macs?: readonly string[] };
  /** Bridge ports that lead to other hosts: what they bring never has a source of this host. */
  readonly tunnels?: readonly string[];
}

/** A subnet of the network that this host makes reachable from outside. */
export interface Exposure {
  /** The host's address with the subnet's length. */
  readonly cidr: Cidr;
  /** Rewrite source addresses of what enters or leaves the subnet. */
  readonly masquerade: boolean;
}

/** A port that answers elsewhere. */
export interface ServiceRule {
  readonly name: string;
  /** `export`: outside to container; `import`: container to outside; `bind`: an address of the network answered elsewhere. */
  readonly kind: "export" | "import" | "bind";
  readonly protocol: "tcp" | "udp";
  /** @defaultValue any address of this host; needed for `bind` */
  readonly address?: string;
  readonly port: number;
  readonly target: { readonly address: string; readonly port: number };
}

/**
 * All rules of ours. Without an exposure, workloads reach this host at no address but those of the bridge itself, and leave it
 * nowhere.
 */
export interface FirewallSpec {
  readonly bridge: string;
  readonly exposures?: readonly Exposure[];
  readonly services?: readonly ServiceRule[];
  /** Destinations whose traffic keeps its source address although exposed. */
  readonly keepSource?: readonly Cidr[];
  /** Bridges of the engine, such as `docker0`: their containers and the network reach each other through published ports only. */
  readonly engineBridges?: readonly string[];
  /** TCP and UDP ports of this host that neither workloads nor containers of `engineBridges` reach. */
  readonly guardedPorts?: readonly number[];
  /** Ports that must be reached through loopback only, whatever `route_localnet` says. */
  readonly loopbackPorts?: readonly number[];
  /** Port of the name server on this host, let in from the bridges although an iptables INPUT policy drops. */
  readonly dnsPort?: number;
  readonly antiSpoofing?: AntiSpoofing;
}

/** Settings for a bridge whose subnet lies mostly behind a router, as in a cloud's network. */
export interface RoutingSpec {
  readonly bridge: string;
  /** Interface to the router. */
  readonly uplink?: string;
}

/** All that this package keeps in place. Missing members are left as they are. */
export interface DesiredState {
  readonly bridge?: BridgeSpec;
  readonly attachments?: readonly AttachmentSpec[];
  readonly firewall?: FirewallSpec;
}

/** A command to run; argv only, never a shell. */
export interface Command {
  readonly argv: readonly string[];
  /** Path of a network namespace to run in. */
  readonly netns?: string;
  readonly stdin?: string;
}

/** How commands run. `run` may be called concurrently. It resolves with the output whatever the exit code, and rejects if the command cannot start. */
export interface Runner {
  run(command: Command): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }>;
}

/** The logger shape shared by all packages. */
export interface Logger {
  debug(message: string, fields?: object): void;
  info(message: string, fields?: object): void;
  warn(message: string, fields?: object): void;
  error(message: string, fields?: object): void;
}
