import type { Report } from "../diagnostics/report.ts";
import type { Cidr } from "../values/cidr.ts";

/**
 * What the control interface needs from the rest of the daemon. `compose.ts` plugs the packages in; the golden vectors
 * run the same routes over the real packages without a network.
 */

/** Address allocation. Every refusal rejects with an error whose message is for the client; a cancelled wait has code `CANCELLED`. */
export interface IpamPort {
  readonly defaultSubnet: Cidr;
  /** `awsvpc`, `no-masq-local`, or empty. */
  readonly tracker: string;
  /** `workload` is whose reservation to use, if there is one. */
  allocate(
    id: string,
    subnet: Cidr,
    options: { isContainer: boolean; signal: AbortSignal; workload?: string },
  ): Promise<Cidr>;
  claim(
    id: string,
    cidr: Cidr,
    options: { isContainer: boolean; noErrorOnUnknown: boolean; exclusive?: boolean; signal: AbortSignal },
  ): Promise<void>;
  lookup(id: string, subnet: Cidr): Cidr[];
  owned(): { id: string; addresses: Cidr[] }[];
  release(id: string, address?: string): void;
  /** Resolves when there is a ring. */
  ready(signal: AbortSignal): Promise<void>;
  /** Hands all space over to another peer and refuses further requests. */
  leave(): Promise<void>;
  /** Takes a peer's space over; the number of addresses gained. May wait for the consent of other peers. */
  takeOver(who: string, signal: AbortSignal): Promise<number>;
  /** Gives the ring up for that of a network seeded apart; which addresses stay, which are in use there too. */
  join(): Promise<{ readonly kept: readonly string[]; readonly conflicts: readonly string[] }>;
}

/** A name as `GET /name` shows it. */
export interface NameEntry {
  readonly ContainerID: string;
  readonly Origin: number;
  readonly Addr: string;
  readonly Hostname: string;
  readonly Version: number;
  readonly Tombstone: number;
}

/** Names of containers. */
export interface DnsPort {
  /** With trailing dot. */
  readonly domain: string;
  readonly address: string;
  readonly port: number;
  add(fqdn: string, containerId: string, address: string): void;
  remove(match: { hostname?: string; containerId?: string; address?: string }): void;
  entries(): NameEntry[];
}

/** Connections to other peers. */
export interface RouterPort {
  /** One message per target that was refused; the good ones are applied all the same. */
  connect(targets: readonly string[], options: { replace: boolean }): Promise<string[]>;
  forget(targets: readonly string[]): Promise<void>;
}

/** What the host is made to do. */
export interface HostPort {
  /** Puts an address that the caller brings on the bridge. */
  exposeAt(cidr: Cidr, options: { masquerade: boolean }): Promise<void>;
}

/** Containers of this host in the network. Addresses to ask for are written as in {@link AddressArgument}. */
export interface AttachmentsPort {
  /** The addresses the container then has through this request. */
  attach(request: AttachRequest): Promise<Cidr[]>;
  /** Takes the named addresses away, or all; the addresses that were taken. */
  detach(container: string, addresses: readonly string[]): Promise<Cidr[]>;
  /** All, or those named by id, name, `pid:1234`, `ns:name`. */
  list(containers: readonly string[]): Promise<AttachmentRow[]>;
}

export interface AttachRequest {
  readonly container: string;
  readonly addresses: readonly string[];
  readonly dns: boolean;
  readonly rewriteHosts: boolean;
  readonly multicastRoute: boolean;
  /** Files the attachment under this id, and keeps it until it is detached, whatever becomes of the namespace. */
  readonly id?: string | undefined;
  /** @defaultValue "ethwe" */
  readonly ifname?: string | undefined;
  readonly hairpin?: boolean | undefined;
  readonly routes?: readonly { readonly to: string; readonly via?: string }[] | undefined;
  /** Sources that it may use besides its addresses, as CIDRs. */
  readonly allowSources?: readonly string[] | undefined;
  /** It may serve DHCP and send router advertisements. */
  readonly allowDhcp?: boolean | undefined;
}

export interface AttachmentRow {
  readonly id: string;
  readonly mac: string;
  readonly addresses: readonly Cidr[];
  /** Fully qualified name in the domain, if it has one. */
  readonly hostname?: string;
}

/** Which addresses this host is to have in the network, and how. */
export interface ExposeRequest {
  readonly addresses: readonly string[];
  readonly masquerade: boolean;
  readonly hostname?: string;
  /** What is exposed already stays as it is. @defaultValue false: it becomes as this request says */
  readonly keep?: boolean;
}

/** Addresses of this host in the network. */
export interface ExposuresPort {
  expose(request: ExposeRequest): Promise<Cidr[]>;
  hide(addresses: readonly string[]): Promise<Cidr[]>;
}

/** Services let in or out by rules of this host's firewall. */
export interface ServicesPort {
  add(rule: { kind: "export" | "import" | "bind"; listen: string; target: string }): Promise<void>;
  remove(name: string): Promise<void>;
  list(): Promise<ServiceRow[]>;
}

export interface ServiceRow {
  readonly name: string;
  readonly kind: "export" | "import" | "bind";
  readonly protocol: "tcp" | "udp";
  readonly listen: string;
  readonly target: string;
}

/** What people ask beyond the original's reports. */
export interface DiagnosticsPort {
  overview(): Promise<unknown>;
  explain(from: string, to: string): Promise<{ steps: string[]; code: string }>;
  settings(): unknown;
  /** What the rules on this host separate, and what they dropped. */
  firewall(): Promise<unknown>;
}

/** Everything together; absent parts answer 404, as switched-off parts of the original do. */
export interface ControlPorts {
  readonly ipam?: IpamPort;
  readonly dns?: DnsPort;
  readonly router: RouterPort;
  readonly host: HostPort;
  readonly attachments?: AttachmentsPort;
  readonly exposures?: ExposuresPort;
  readonly services?: ServicesPort;
  readonly diagnostics?: DiagnosticsPort;
  readonly proxyAddresses?: () => readonly string[];
  /** False when Docker says that the container is not running; true without Docker. */
  isAlive(containerId: string): Promise<boolean>;
  report(): Report;
  /** The Prometheus text. */
  metrics(): Promise<string>;
  /** Called after the ring was handed over: tells a discovery service, if one is used. */
  left?(): Promise<void>;
}
