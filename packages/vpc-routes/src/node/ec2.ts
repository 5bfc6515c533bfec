import type * as Sdk from "@aws-sdk/client-ec2";
import { classify } from "../classify.ts";
import { VpcRoutesError } from "../errors.ts";
import type { Ec2Port, NetworkInterface, Route, RouteTable } from "../ports.ts";
import { canonical } from "../routes.ts";
import { readRouteQuota } from "./quota.ts";

/** How to reach EC2. */
export interface Ec2Options {
  /** @defaultValue AWS_REGION, else AWS_DEFAULT_REGION, else the region of the profile */
  readonly region?: string;
  /** Another server than AWS's, such as moto's. */
  readonly endpoint?: string;
  /**
   * Where Service Quotas answers. @defaultValue `AWS_ENDPOINT_URL_SERVICE_QUOTAS`, else `AWS_ENDPOINT_URL`, else `endpoint`
   * unless that is EC2's alone (`ec2.eu-west-1.amazonaws.com`, `vpce-1a2b-3c4d.ec2.eu-west-1.vpce.amazonaws.com`), else AWS's
   */
  readonly quotaEndpoint?: string;
  /** @defaultValue the SDK's chain: environment, files, instance role */
  readonly credentials?: {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken?: string;
  };
}

/** EC2 through the SDK, with a count of the requests made. */
export interface SdkEc2 extends Ec2Port {
  /** Requests by action, pages counted one by one. */
  readonly calls: Readonly<Record<string, number>>;
  close(): void;
}

/**
 * EC2 through the SDK. The SDK takes 0.3 s to load, so it is loaded here, on first use. Retries are ours: the SDK makes one
 * attempt.
 * @throws VpcRoutesError `OPTION_INVALID` where the SDK is not installed, or no region is known
 */
export async function createEc2Port(options: Ec2Options): Promise<SdkEc2> {
  const sdk = await loadSdk();
  const { endpoint, credentials } = options;
  const asked = options.region ?? process.env.AWS_REGION ?? process.env.AWS_DEFAULT_REGION;
  const client = new sdk.EC2Client({
    ...(asked && { region: asked }),
    maxAttempts: 1,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(credentials === undefined ? {} : { credentials }),
  });
  const region = await client.config.region().catch((cause: unknown) => {
    throw new VpcRoutesError("OPTION_INVALID", "no region is known; name it with --region or AWS_REGION", { cause });
  });
  /** Bounded by: actions of this file. */
  const calls: Record<string, number> = {};
  const count = (action: string) => {
    calls[action] = (calls[action] ?? 0) + 1;
  };
  const call = async <T>(action: string, send: () => Promise<T>): Promise<T> => {
    count(action);
    try {
      return await send();
    } catch (error) {
      const { name = "Error", message = "", $metadata } = error as Partial<Sdk.EC2ServiceException>;
      throw classify(action, name, message, $metadata?.httpStatusCode);
    }
  };
  return {
    calls,
    close: () => client.destroy(),
    ...reads(sdk, client, call),
    ...writes(sdk, client, call),
    async routeQuota() {
      const { AWS_ENDPOINT_URL_SERVICE_QUOTAS: ofService, AWS_ENDPOINT_URL: ofAll } = process.env;
      const quotaEndpoint = options.quotaEndpoint ?? ofService ?? ofAll ?? (isEc2Only(endpoint) ? undefined : endpoint);
      const granted = await client.config.credentials();
      return call("GetServiceQuota", () =>
        readRouteQuota(region, granted, {
          now: new Date(),
          ...(quotaEndpoint === undefined ? {} : { endpoint: quotaEndpoint }),
        }),
      );
    },
  };
}

/** True for a host name of EC2: an emulator's address serves every service, EC2's own does not. */
function isEc2Only(endpoint: string | undefined): boolean {
  return endpoint !== undefined && /(?:^|\.)ec2[.-]/.test(new URL(endpoint).hostname);
}

async function loadSdk(): Promise<typeof Sdk> {
  // The SDK prints a warning about Node 20 at each start; the supported versions are in this package's manifest.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= "true";
  try {
    return await import("@aws-sdk/client-ec2");
  } catch (cause) {
    const message = "EC2 is reached by the AWS SDK; install it with: npm install @aws-sdk/client-ec2";
    throw new VpcRoutesError("OPTION_INVALID", message, { cause });
  }
}

type Call = <T>(action: string, send: () => Promise<T>) => Promise<T>;

/** The smallest and largest page EC2 gives of most descriptions are 5 and 100 or more. */
const PAGE = 100;

async function pages<T extends { NextToken?: string | undefined }>(
  fetchPage: (token: string | undefined) => Promise<T>,
): Promise<T[]> {
  const found: T[] = [];
  let token: string | undefined;
  do {
    const page = await fetchPage(token);
    found.push(page);
    token = page.NextToken || undefined;
  } while (token !== undefined);
  return found;
}

/** Filters, unlike id lists, do not fail when one of the ids is unknown, and count in EC2's larger bucket. */
function filter(Name: string, Values: readonly string[]): Sdk.Filter[] {
  return [{ Name, Values: [...Values] }];
}

/** EC2 takes at most 200 values of one filter. */
const FILTER_VALUES = 200;

/** Asks for many ids, in as many calls as the filter needs. */
async function inParts<T>(ids: readonly string[], ask: (part: readonly string[]) => Promise<T[]>): Promise<T[]> {
  const found: T[] = [];
  for (let at = 0; at < ids.length; at += FILTER_VALUES) found.push(...(await ask(ids.slice(at, at + FILTER_VALUES))));
  return found;
}

function reads(sdk: typeof Sdk, client: Sdk.EC2Client, call: Call) {
  const describe = {
    async describeRouteTables(vpcId: string): Promise<RouteTable[]> {
      const found = await pages((token) =>
        call("DescribeRouteTables", () =>
          client.send(
            new sdk.DescribeRouteTablesCommand({
              Filters: filter("vpc-id", [vpcId]),
              MaxResults: PAGE,
              NextToken: token,
            }),
          ),
        ),
      );
      const tables = found.flatMap((page) => (page.RouteTables ?? []).map(toTable));
      return withListSizes(tables, (ids) => prefixListSizes(sdk, client, call, ids));
    },
    async describeInterfaces(ids: readonly string[]): Promise<NetworkInterface[]> {
      const found = await inParts(ids, (part) =>
        pages((NextToken) =>
          call("DescribeNetworkInterfaces", () => {
            const Filters = filter("network-interface-id", part);
            return client.send(new sdk.DescribeNetworkInterfacesCommand({ Filters, MaxResults: PAGE, NextToken }));
          }),
        ),
      );
      return found.flatMap((page) => (page.NetworkInterfaces ?? []).map(toInterface));
    },
    async describeInstances(ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
      const found = await inParts(ids, (part) =>
        pages((NextToken) =>
          call("DescribeInstances", () => {
            const Filters = filter("instance-id", part);
            return client.send(new sdk.DescribeInstancesCommand({ Filters, MaxResults: PAGE, NextToken }));
          }),
        ),
      );
      const instances = found.flatMap((page) => (page.Reservations ?? []).flatMap((r) => r.Instances ?? []));
      return new Map(instances.map((one) => [one.InstanceId ?? "", one.State?.Name ?? "unknown"]));
    },
    async describeVpcCidrs(vpcId: string) {
      const { Vpcs } = await call("DescribeVpcs", () => client.send(new sdk.DescribeVpcsCommand({ VpcIds: [vpcId] })));
      const own = (Vpcs ?? []).flatMap((vpc) => [
        ...(vpc.CidrBlockAssociationSet ?? []).flatMap((one) => one.CidrBlock ?? []),
        ...(vpc.Ipv6CidrBlockAssociationSet ?? []).flatMap((one) => one.Ipv6CidrBlock ?? []),
      ]);
      const found = await pages((NextToken) =>
        call("DescribeVpcPeeringConnections", () =>
          client.send(new sdk.DescribeVpcPeeringConnectionsCommand({ MaxResults: PAGE, NextToken })),
        ),
      );
      const connections = found.flatMap((page) => page.VpcPeeringConnections ?? []);
      const active = connections.filter((one) => one.Status?.Code === "active");
      const ends = active.flatMap((one) => {
        const sides = [one.AccepterVpcInfo, one.RequesterVpcInfo];
        return sides.some((side) => side?.VpcId === vpcId) ? sides.filter((side) => side?.VpcId !== vpcId) : [];
      });
      return { own, peered: ends.flatMap(cidrsOf) };
    },
  };
  return describe;
}

/** Every block of one end of a peering: the first one, the secondary ones, and those of IPv6. */
function cidrsOf(side: Sdk.VpcPeeringConnectionVpcInfo | undefined): string[] {
  const all = [
    side?.CidrBlock,
    ...(side?.CidrBlockSet ?? []).map((one) => one.CidrBlock),
    ...(side?.Ipv6CidrBlockSet ?? []).map((one) => one.Ipv6CidrBlock),
  ];
  return [...new Set(all.filter((cidr) => cidr !== undefined))];
}

/** AWS's own lists have no size in the API; these are the weights of the VPC user guide, by the end of the name. */
const AWS_LIST_WEIGHTS: readonly (readonly [string, number])[] = [
  [".cloudfront.origin-facing", 55],
  [".route53-healthchecks", 25],
  [".groundstation", 5],
];

/** Most entries by prefix list. */
async function prefixListSizes(
  sdk: typeof Sdk,
  client: Sdk.EC2Client,
  call: Call,
  ids: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  const found = await inParts(ids, (part) =>
    pages((NextToken) =>
      call("DescribeManagedPrefixLists", () => {
        const Filters = filter("prefix-list-id", part);
        return client.send(new sdk.DescribeManagedPrefixListsCommand({ Filters, MaxResults: PAGE, NextToken }));
      }),
    ),
  );
  return new Map(
    found
      .flatMap((page) => page.PrefixLists ?? [])
      .map(({ PrefixListId = "", PrefixListName = "", MaxEntries }) => {
        const weight = AWS_LIST_WEIGHTS.find(([end]) => PrefixListName.endsWith(end))?.[1] ?? 1;
        return [PrefixListId, MaxEntries ?? weight];
      }),
  );
}

/** Puts the sizes of prefix lists into routes. Without the permission to read them, each counts once. */
async function withListSizes(
  tables: readonly RouteTable[],
  sizesOf: (ids: readonly string[]) => Promise<ReadonlyMap<string, number>>,
): Promise<RouteTable[]> {
  const isList = (destination: string) => destination.startsWith("pl-");
  const ids = new Set(tables.flatMap(({ routes }) => routes.map((route) => route.destination).filter(isList)));
  if (ids.size === 0) return [...tables];
  const sizes = await sizesOf([...ids]).catch((error: unknown) => {
    if (error instanceof VpcRoutesError && error.code === "PERMISSION_MISSING") return new Map<string, number>();
    throw error;
  });
  return tables.map((table) => ({
    ...table,
    routes: table.routes.map((route) => {
      const entries = sizes.get(route.destination);
      return entries === undefined ? route : { ...route, entries };
    }),
  }));
}

function writes(sdk: typeof Sdk, client: Sdk.EC2Client, call: Call) {
  const at = (RouteTableId: string, destination: string) => ({
    RouteTableId,
    ...(destination.includes(":") ? { DestinationIpv6CidrBlock: destination } : { DestinationCidrBlock: destination }),
  });
  return {
    // Always the interface: an instance as target fails once it has a second interface.
    createRoute: async (table: string, destination: string, NetworkInterfaceId: string) => {
      const input = { ...at(table, destination), NetworkInterfaceId };
      await call("CreateRoute", () => client.send(new sdk.CreateRouteCommand(input)));
    },
    replaceRoute: async (table: string, destination: string, NetworkInterfaceId: string) => {
      const input = { ...at(table, destination), NetworkInterfaceId };
      await call("ReplaceRoute", () => client.send(new sdk.ReplaceRouteCommand(input)));
    },
    deleteRoute: async (table: string, destination: string) => {
      await call("DeleteRoute", () => client.send(new sdk.DeleteRouteCommand(at(table, destination))));
    },
    // ModifyInstanceAttribute works only with a single interface; this one always.
    setSourceDestCheck: async (NetworkInterfaceId: string, Value: boolean) => {
      const input = { NetworkInterfaceId, SourceDestCheck: { Value } };
      await call("ModifyNetworkInterfaceAttribute", () =>
        client.send(new sdk.ModifyNetworkInterfaceAttributeCommand(input)),
      );
    },
    setTags: async (resource: string, tags: Readonly<Record<string, string>>) => {
      const Tags = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
      await call("CreateTags", () => client.send(new sdk.CreateTagsCommand({ Resources: [resource], Tags })));
    },
    deleteTags: async (resource: string, keys: readonly string[]) => {
      const Tags = keys.map((Key) => ({ Key }));
      await call("DeleteTags", () => client.send(new sdk.DeleteTagsCommand({ Resources: [resource], Tags })));
    },
  };
}

function toTable(table: Sdk.RouteTable): RouteTable {
  const associations = table.Associations ?? [];
  return {
    id: table.RouteTableId ?? "",
    vpcId: table.VpcId ?? "",
    main: associations.some((one) => one.Main === true),
    subnets: associations.flatMap((one) => one.SubnetId ?? []),
    routes: (table.Routes ?? []).map(toRoute),
    tags: Object.fromEntries((table.Tags ?? []).map((tag) => [tag.Key ?? "", tag.Value ?? ""])),
  };
}

function toRoute(route: Sdk.Route): Route {
  const gateway =
    route.GatewayId ??
    route.NatGatewayId ??
    route.TransitGatewayId ??
    route.VpcPeeringConnectionId ??
    route.EgressOnlyInternetGatewayId ??
    route.CarrierGatewayId ??
    route.LocalGatewayId ??
    route.CoreNetworkArn;
  const destination = route.DestinationCidrBlock ?? route.DestinationIpv6CidrBlock;
  return {
    destination: destination === undefined ? (route.DestinationPrefixListId ?? "pl-") : canonical(destination),
    ...(route.NetworkInterfaceId === undefined ? {} : { eni: route.NetworkInterfaceId }),
    ...(route.InstanceId === undefined ? {} : { instance: route.InstanceId }),
    ...(gateway === undefined ? {} : { gateway }),
    state: route.State === "blackhole" ? "blackhole" : "active",
    origin: route.Origin ?? "CreateRoute",
  };
}

function toInterface(eni: Sdk.NetworkInterface): NetworkInterface {
  const instance = eni.Attachment?.InstanceId;
  return {
    id: eni.NetworkInterfaceId ?? "",
    subnetId: eni.SubnetId ?? "",
    vpcId: eni.VpcId ?? "",
    status: eni.Status ?? "unknown",
    sourceDestCheck: eni.SourceDestCheck ?? true,
    ...(instance === undefined ? {} : { instance }),
    ...(eni.PrivateIpAddress === undefined ? {} : { privateAddress: eni.PrivateIpAddress }),
  };
}
