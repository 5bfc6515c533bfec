import type { EC2Client, NetworkInterface, RouteTable, RouteTableAssociation } from "@aws-sdk/client-ec2";
import { EniPlannerError } from "../errors.ts";
import type { SavedVpc } from "../saved-vpc.ts";
import { awsFailure } from "./aws-failure.ts";

/** Where to read. */
export interface ReadVpcOptions {
  readonly vpc: string;
  /** @defaultValue what the SDK finds: AWS_REGION, or the region of the profile */
  readonly region?: string | undefined;
  /** Another server than AWS's. */
  readonly endpoint?: string | undefined;
}

type Sdk = typeof import("@aws-sdk/client-ec2");
type Writable<T> = { -readonly [K in keyof T]: T[K] };

/**
 * Reads a VPC through the EC2 API: DescribeSubnets, DescribeNetworkInterfaces, DescribeInstances, and DescribeRouteTables,
 * paginated. Needs `@aws-sdk/client-ec2`, loaded here only, with its usual credentials.
 * @throws EniPlannerError `INPUT_INVALID`: the SDK is missing, EC2 refuses, or the VPC does not exist
 */
export async function readVpc({ vpc, region, endpoint }: ReadVpcOptions): Promise<SavedVpc> {
  const sdk = await loadSdk();
  const client = new sdk.EC2Client({ ...(region && { region }), ...(endpoint && { endpoint }) });
  try {
    return await readAll(sdk, client, vpc);
  } catch (error) {
    throw awsFailure(`cannot read VPC ${vpc}`, error);
  } finally {
    client.destroy();
  }
}

async function loadSdk(): Promise<Sdk> {
  // The SDK prints a warning about Node 20 at each start; the supported versions are in this package's manifest.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= "true";
  try {
    return await import("@aws-sdk/client-ec2");
  } catch (cause) {
    const message = "reading a VPC needs the AWS SDK; install it with: npm install @aws-sdk/client-ec2";
    throw new EniPlannerError("INPUT_INVALID", message, { cause });
  }
}

async function readAll(sdk: Sdk, client: EC2Client, vpc: string): Promise<SavedVpc> {
  const page = { client, pageSize: 100 };
  const query = { Filters: [{ Name: "vpc-id", Values: [vpc] }] };
  const subnets: Writable<SavedVpc["subnets"][number]>[] = [];
  for await (const { Subnets = [] } of sdk.paginateDescribeSubnets(page, query)) {
    for (const { SubnetId: id = "", CidrBlock: cidr, AvailabilityZone: az = "", AvailableIpAddressCount } of Subnets)
      if (cidr) subnets.push({ id, cidr, az, available: AvailableIpAddressCount ?? 0 });
  }
  const interfaces: SavedVpc["interfaces"][number][] = [];
  for await (const { NetworkInterfaces = [] } of sdk.paginateDescribeNetworkInterfaces(page, query))
    interfaces.push(...NetworkInterfaces.map(savedInterface));
  const instances: SavedVpc["instances"][number][] = [];
  for await (const { Reservations = [] } of sdk.paginateDescribeInstances(page, query)) {
    for (const one of Reservations.flatMap((reservation) => reservation.Instances ?? [])) {
      if (one.State?.Name === "terminated") continue;
      instances.push({ id: one.InstanceId ?? "", type: one.InstanceType ?? "", subnet: one.SubnetId ?? "" });
    }
  }
  const isPublic = await publicSubnets(sdk, client, query);
  if (isPublic) for (const subnet of subnets) subnet.public = isPublic(subnet.id);
  if (subnets.length === 0)
    throw new EniPlannerError("INPUT_INVALID", `VPC ${vpc} has no IPv4 subnet, or does not exist in this region`);
  return { vpc, subnets, interfaces, instances };
}

function savedInterface(eni: NetworkInterface): SavedVpc["interfaces"][number] {
  return {
    id: eni.NetworkInterfaceId ?? "",
    subnet: eni.SubnetId ?? "",
    status: eni.Status ?? "",
    addresses: (eni.PrivateIpAddresses ?? []).flatMap((one) => one.PrivateIpAddress ?? []),
    prefixes: (eni.Ipv4Prefixes ?? []).flatMap((one) => one.Ipv4Prefix ?? []),
    type: eni.InterfaceType ?? "interface",
  };
}

/** Tells public subnets by their route tables; undefined where those may not be read: the roles are not known then. */
async function publicSubnets(
  sdk: Sdk,
  client: EC2Client,
  query: { readonly Filters: { Name: string; Values: string[] }[] },
): Promise<((subnet: string) => boolean) | undefined> {
  const tables: RouteTable[] = [];
  try {
    for await (const { RouteTables = [] } of sdk.paginateDescribeRouteTables({ client, pageSize: 100 }, query))
      tables.push(...RouteTables);
  } catch (error) {
    if ((error as Error).name === "UnauthorizedOperation") return undefined;
    throw error;
  }
  const leadsOut = (table: RouteTable | undefined) =>
    (table?.Routes ?? []).some(
      ({ DestinationCidrBlock, GatewayId }) => DestinationCidrBlock === "0.0.0.0/0" && GatewayId?.startsWith("igw-"),
    );
  const associated = (test: (association: RouteTableAssociation) => boolean) =>
    tables.find((table) => (table.Associations ?? []).some(test));
  const main = associated(({ Main }) => Main === true);
  return (subnet) => leadsOut(associated(({ SubnetId }) => SubnetId === subnet) ?? main);
}
