import * as sdk from "@aws-sdk/client-ec2";
import { toNumber } from "../../../src/address.ts";
import type { OwnedRange } from "../../../src/ports.ts";
import { rangesToCidrs } from "../../../src/ranges.ts";

export const credentials = { accessKeyId: "test", secretAccessKey: "test" };
export const region = "eu-west-1";

/** A VPC for a test: two subnets with tables of their own, a third on the main table, routes of others in each. */
export interface TestVpc {
  readonly client: sdk.EC2Client;
  readonly vpc: string;
  readonly subnets: readonly string[];
  readonly tables: readonly string[];
  readonly main: string;
  readonly gateway: string;
  readonly stranger: string;
  addHost(subnet?: number): Promise<{ eni: string; subnet: string }>;
}

/** Makes a {@link TestVpc} in moto. */
export async function makeVpc(endpoint: string): Promise<TestVpc> {
  const client = new sdk.EC2Client({ region, endpoint, credentials });
  const send = client.send.bind(client);
  const { Vpc } = await send(new sdk.CreateVpcCommand({ CidrBlock: "172.31.0.0/16" }));
  const vpc = Vpc?.VpcId ?? "";
  const subnets: string[] = [];
  for (const n of [1, 2, 3]) {
    const { Subnet } = await send(new sdk.CreateSubnetCommand({ VpcId: vpc, CidrBlock: `172.31.${n}.0/24` }));
    subnets.push(Subnet?.SubnetId ?? "");
  }
  const tables: string[] = [];
  for (const SubnetId of subnets.slice(0, 2)) {
    const { RouteTable } = await send(new sdk.CreateRouteTableCommand({ VpcId: vpc }));
    const RouteTableId = RouteTable?.RouteTableId ?? "";
    await send(new sdk.AssociateRouteTableCommand({ RouteTableId, SubnetId }));
    tables.push(RouteTableId);
  }
  const Filters = [
    { Name: "vpc-id", Values: [vpc] },
    { Name: "association.main", Values: ["true"] },
  ];
  const main = (await send(new sdk.DescribeRouteTablesCommand({ Filters }))).RouteTables?.[0]?.RouteTableId ?? "";
  const { InternetGateway } = await send(new sdk.CreateInternetGatewayCommand({}));
  const gateway = InternetGateway?.InternetGatewayId ?? "";
  await send(new sdk.AttachInternetGatewayCommand({ InternetGatewayId: gateway, VpcId: vpc }));
  const addInterface = async (subnet: number) => {
    const { NetworkInterface } = await send(new sdk.CreateNetworkInterfaceCommand({ SubnetId: subnets[subnet] ?? "" }));
    return NetworkInterface?.NetworkInterfaceId ?? "";
  };
  const stranger = await addInterface(0);
  for (const RouteTableId of [...tables, main]) {
    await send(new sdk.CreateRouteCommand({ RouteTableId, DestinationCidrBlock: "0.0.0.0/0", GatewayId: gateway }));
    const NetworkInterfaceId = stranger;
    // One outside the container network, one inside it that no member made.
    await send(
      new sdk.CreateRouteCommand({ RouteTableId, DestinationCidrBlock: "192.168.0.0/16", NetworkInterfaceId }),
    );
    await send(
      new sdk.CreateRouteCommand({ RouteTableId, DestinationCidrBlock: "10.47.255.0/24", NetworkInterfaceId }),
    );
  }
  return {
    client,
    vpc,
    subnets,
    tables: [...tables, main].sort(),
    main,
    gateway,
    stranger,
    addHost: async (subnet = 0) => ({ eni: await addInterface(subnet), subnet: subnets[subnet] ?? "" }),
  };
}

/** `owned("10.32.0.0", 256, 1, 2)`: blocks of 256 addresses, the first of peer 1, the next of peer 2. */
export function owned(start: string, size: number, ...peers: number[]): OwnedRange[] {
  const base = toNumber(start);
  return peers.map((peer, i) => ({ start: base + i * size, end: base + (i + 1) * size, peer }));
}

/** Routes that the ring asks for: each owner's touching ranges merged. */
export function expected(
  hosts: readonly { readonly peer: number; readonly eni: string }[],
  ranges: readonly OwnedRange[],
): Record<string, string> {
  const wanted = hosts.flatMap(({ peer, eni }) =>
    rangesToCidrs(ranges.filter((range) => range.peer === peer)).map((cidr) => [cidr, eni] as const),
  );
  return Object.fromEntries(wanted);
}

/** The same figures in every run. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
