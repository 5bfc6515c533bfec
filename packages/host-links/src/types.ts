import type { Cidr } from "./address.ts";

/** The bridge that the containers of this host are plugged into. */
export interface BridgeSpec {
  readonly name: string;
  /** Fixed MAC; the original's peer name is read from it. @defaultValue the kernel's choice, kept once made */
  readonly mac?: string;
  /** Bytes. @defaultValue the kernel's */
  readonly mtu?: number;
  /** Addresses of the host on the bridge. Addresses that others put there are left alone unless `exact`. */
  readonly addresses?: readonly Cidr[];
  /** Leave out the route to the subnet that the kernel makes with an address (VPC mode routes by itself). @defaultValue true */
  readonly subnetRoute?: boolean;
}

/** Where the other end of a veth pair goes. */
export type Target =
  | { readonly pid: number }
  /** A file such as `/proc/12/ns/net` or `/run/docker/netns/1a2b`. */
  | { readonly path: string }
  /** A namespace of `ip netns`. */
  | { readonly name: string };

/** A route inside the namespace. `via` missing: on the link. */
export interface RouteSpec {
  /** `default` or a subnet. */
  readonly to: string;
  readonly via?: string;
}

/** One namespace plugged into the bridge. */
export interface AttachmentSpec {
  /** Whose it is, such as a container id; the host end carries it, so that it is found again after a restart. */
  readonly id: string;
  readonly target: Target;
  readonly bridge: string;
  /** @defaultValue "ethwe" */
  readonly ifname?: string;
  readonly addresses: readonly Cidr[];
  /** Addresses of the interface that are not listed are taken away. @defaultValue false */
  readonly exact?: boolean;
  /** Bytes. @defaultValue the bridge's */
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
  /** Drop frames whose source address is not one of `addresses`. @defaultValue false */
  readonly antiSpoof?: boolean;
}

/** A subnet of the network that this host makes reachable from outside. */
export interface Exposure {
  /** The host's address with the subnet's length. */
  readonly cidr: Cidr;
  /** Rewrite source addresses of what crosses the border. */
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

/** The whole of our firewall table. */
export interface FirewallSpec {
  readonly bridge: string;
  readonly exposures?: readonly Exposure[];
  readonly services?: readonly ServiceRule[];
  /** Destinations whose traffic keeps its source address although exposed. */
  readonly keepSource?: readonly Cidr[];
  /** Docker's own bridge: its containers reach neither the network nor our ports. */
  readonly dockerBridge?: string;
  /** Our TCP and UDP ports that containers of `dockerBridge` must not reach. */
  readonly guardedPorts?: readonly number[];
  /** Loopback ports that packets from elsewhere must not reach, whatever `route_localnet` says. */
  readonly loopbackPorts?: readonly number[];
  /** Host ends and the sources allowed on them; filled in from attachments with `antiSpoof`. */
  readonly sources?: readonly { readonly port: string; readonly addresses: readonly Cidr[] }[];
}

/** All that this package keeps in place. Missing parts are left alone. */
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

/** How commands run. May be called concurrently; resolves with the output whatever the exit code; rejects if it cannot start. */
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
