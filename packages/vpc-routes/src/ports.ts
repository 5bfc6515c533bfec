/**
 * What this package needs from outside, as small structural interfaces (see ARCHITECTURE.md of the repository), and the
 * part of EC2 that it uses, reduced to values without SDK types.
 */

/** 48-bit peer name as an integer; text form `7a:9f:eb:b6:0c:6e`. */
export type PeerName = number;

/** The only way this package asks for time: `now` is monotonic milliseconds, `after` runs once and returns a cancel function. */
export interface Clock {
  now(): number;
  after(ms: number, fn: () => void): () => void;
}

/** Uniform in [0, 1). */
export type Random = () => number;

/** Where log lines go. */
export interface Logger {
  debug(message: string, fields?: object): void;
  info(message: string, fields?: object): void;
  warn(message: string, fields?: object): void;
  error(message: string, fields?: object): void;
}

/** Where figures go. */
export interface Metrics {
  count(name: string, value?: number, labels?: Readonly<Record<string, string>>): void;
  gauge(name: string, value: number, labels?: Readonly<Record<string, string>>): void;
  observe(name: string, value: number, labels?: Readonly<Record<string, string>>): void;
}

/** IPv4 as unsigned 32-bit integers; `end` is exclusive and may be 2^32. Sorted, disjoint. `ipam-ring` offers these. */
export interface OwnedRange {
  readonly start: number;
  readonly end: number;
  readonly peer: PeerName;
}

/** One entry of a VPC route table, as DescribeRouteTables tells it. */
export interface Route {
  /** Canonical IPv4 or IPv6 CIDR, or a prefix list id (`pl-...`). */
  readonly destination: string;
  /** Network interface id; absent when the target is anything else. */
  readonly eni?: string;
  readonly instance?: string;
  /** Any other target: `local`, `igw-...`, `nat-...`, `pcx-...`. */
  readonly gateway?: string;
  /** A blackhole route's target is gone or not running: it stays, counts, and drops packets. */
  readonly state: "active" | "blackhole";
  /** Most entries of a prefix list: all of them count against the quota. Absent: the route counts once. */
  readonly entries?: number;
  /** Only `CreateRoute` entries were made by somebody's call; propagated ones do not count against the quota. */
  readonly origin: "CreateRouteTable" | "CreateRoute" | "EnableVgwRoutePropagation" | "Advertisement";
}

/** A VPC route table. */
export interface RouteTable {
  readonly id: string;
  readonly vpcId: string;
  /** Used by every subnet that names no other table. */
  readonly main: boolean;
  /** Only the explicit associations: EC2 does not list implicit ones. */
  readonly subnets: readonly string[];
  readonly routes: readonly Route[];
  readonly tags: Readonly<Record<string, string>>;
}

/** A network interface. */
export interface NetworkInterface {
  readonly id: string;
  readonly subnetId: string;
  readonly vpcId: string;
  readonly instance?: string;
  readonly status: string;
  /** When true, EC2 drops packets whose address is not the interface's own. A routing host needs false. */
  readonly sourceDestCheck: boolean;
  readonly privateAddress?: string;
}

/**
 * The part of EC2 that this package uses. Every method may throw {@link VpcRoutesError}; none retries.
 * `createEc2Port` of `./node` is the SDK; `createMemoryEc2` of `./testing` is a VPC in memory.
 */
export interface Ec2Port {
  /** Every table of a VPC; pages of 100 are read until the last. */
  describeRouteTables(vpcId: string): Promise<readonly RouteTable[]>;
  createRoute(tableId: string, destination: string, eni: string): Promise<void>;
  replaceRoute(tableId: string, destination: string, eni: string): Promise<void>;
  deleteRoute(tableId: string, destination: string): Promise<void>;
  /** Interfaces that do not exist are left out of the answer. */
  describeInterfaces(ids: readonly string[]): Promise<readonly NetworkInterface[]>;
  /** State name by instance id (`running`, `stopped`, `terminated`); unknown ids are left out. */
  describeInstances(ids: readonly string[]): Promise<ReadonlyMap<string, string>>;
  setSourceDestCheck(eni: string, enabled: boolean): Promise<void>;
  setTags(resource: string, tags: Readonly<Record<string, string>>): Promise<void>;
  deleteTags(resource: string, keys: readonly string[]): Promise<void>;
  /** IPv4 and IPv6 blocks of the VPC, then those of its active peerings. */
  describeVpcCidrs(vpcId: string): Promise<{ readonly own: readonly string[]; readonly peered: readonly string[] }>;
  /** Routes per table by Service Quotas (L-93826ACB); undefined when it cannot be read. */
  routeQuota(): Promise<number | undefined>;
}
