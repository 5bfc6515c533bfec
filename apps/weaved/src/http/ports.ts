import type { Report } from "../report/report.ts";

/**
 * What the control interface needs from the rest of the daemon. `compose.ts` plugs the packages in; the golden vectors
 * run the same routes over the real packages without a network.
 */

/** An IPv4 address with the length of its subnet's prefix: `10.32.1.77/24`. */
export interface Cidr {
  readonly address: string;
  readonly prefixLength: number;
}

/** Address allocation. Every refusal rejects with an error whose message is for the client; a cancelled wait has code `CANCELLED`. */
export interface IpamPort {
  readonly defaultSubnet: Cidr;
  /** `awsvpc`, `no-masq-local`, or empty. */
  readonly tracker: string;
  allocate(id: string, subnet: Cidr, options: { isContainer: boolean; signal: AbortSignal }): Promise<Cidr>;
  claim(
    id: string,
    cidr: Cidr,
    options: { isContainer: boolean; noErrorOnUnknown: boolean; signal: AbortSignal },
  ): Promise<void>;
  lookup(id: string, subnet: Cidr): Cidr[];
  owned(): { id: string; addresses: Cidr[] }[];
  release(id: string, address?: string): void;
  /** Resolves when there is a ring. */
  ready(signal: AbortSignal): Promise<void>;
  /** Hands all space over to another peer and refuses further requests. */
  leave(): void;
  /** Takes a peer's space over; the number of addresses gained. */
  takeOver(who: string): number;
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
  forget(targets: readonly string[]): void;
}

/** What the host is made to do. */
export interface HostPort {
  expose(cidr: Cidr, options: { masquerade: boolean }): Promise<void>;
}

/** Everything together; absent parts answer 404, as switched-off parts of the original do. */
export interface ControlPorts {
  readonly ipam?: IpamPort;
  readonly dns?: DnsPort;
  readonly router: RouterPort;
  readonly host: HostPort;
  readonly proxyAddresses?: () => readonly string[];
  /** False when Docker says that the container is not running; true without Docker. */
  isAlive(containerId: string): Promise<boolean>;
  report(): Report;
  /** The Prometheus text. */
  metrics(): Promise<string>;
  /** Called after the ring was handed over: tells a discovery service, if one is used. */
  left?(): Promise<void>;
}
