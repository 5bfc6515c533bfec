import type { SavedVpc } from "../saved-vpc.ts";

/** Where to read. */
export interface ReadVpcOptions {
  readonly region: string;
  readonly vpc: string;
  /** Another server than AWS's. */
  readonly endpoint?: string;
}

/**
 * Reads a VPC through the EC2 API: DescribeSubnets, DescribeNetworkInterfaces, DescribeInstances, paginated. Needs
 * `@aws-sdk/client-ec2`, loaded here only, with its usual credentials.
 */
export async function readVpc(options: ReadVpcOptions): Promise<SavedVpc> {
  const sdk = await import("@aws-sdk/client-ec2");
  const { region, endpoint, vpc } = options;
  const client = new sdk.EC2Client({ region, ...(endpoint === undefined ? {} : { endpoint }) });
  const page = { client, pageSize: 100 };
  const query = { Filters: [{ Name: "vpc-id", Values: [vpc] }] };
  const subnets: SavedVpc["subnets"][number][] = [];
  const interfaces: SavedVpc["interfaces"][number][] = [];
  const instances: SavedVpc["instances"][number][] = [];
  try {
    for await (const { Subnets } of sdk.paginateDescribeSubnets(page, query)) {
      for (const {
        SubnetId: id = "",
        CidrBlock: cidr = "",
        AvailabilityZone: az = "",
        AvailableIpAddressCount,
      } of Subnets ?? []) {
        if (cidr !== "") subnets.push({ id, cidr, az, available: AvailableIpAddressCount ?? 0 });
      }
    }
    for await (const { NetworkInterfaces } of sdk.paginateDescribeNetworkInterfaces(page, query)) {
      for (const eni of NetworkInterfaces ?? []) {
        interfaces.push({
          id: eni.NetworkInterfaceId ?? "",
          subnet: eni.SubnetId ?? "",
          status: eni.Status ?? "",
          addresses: (eni.PrivateIpAddresses ?? []).flatMap((one) => one.PrivateIpAddress ?? []),
          prefixes: (eni.Ipv4Prefixes ?? []).flatMap((one) => one.Ipv4Prefix ?? []),
        });
      }
    }
    for await (const { Reservations } of sdk.paginateDescribeInstances(page, query)) {
      for (const one of (Reservations ?? []).flatMap((reservation) => reservation.Instances ?? [])) {
        if (one.State?.Name === "terminated") continue;
        instances.push({ id: one.InstanceId ?? "", type: one.InstanceType ?? "", subnet: one.SubnetId ?? "" });
      }
    }
  } finally {
    client.destroy();
  }
  return { vpc, subnets, interfaces, instances };
}
