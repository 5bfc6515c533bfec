/** What a policy should allow, exactly. */
export interface PolicyInput {
  /** @defaultValue "*" */
  readonly region?: string;
  /** @defaultValue "*" */
  readonly account?: string;
  /** Route tables that are managed. */
  readonly tables: readonly string[];
  /** Interfaces whose source/destination check may be switched off; absent: every interface of the account and region. */
  readonly interfaces?: readonly string[];
  /** @defaultValue by the region: see {@link partitionOf} */
  readonly partition?: string;
  /** Leave out ModifyNetworkInterfaceAttribute. @defaultValue false */
  readonly withoutFix?: boolean;
}

/** An IAM policy document. */
export interface PolicyDocument {
  readonly Version: "2012-10-17";
  readonly Statement: readonly {
    readonly Sid: string;
    readonly Effect: "Allow";
    readonly Action: readonly string[];
    readonly Resource: readonly string[] | "*";
    readonly Condition?: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;
  }[];
}

/** Calls without resource-level permissions: EC2 accepts only `*` for them. */
const READS = [
  "ec2:DescribeInstances",
  "ec2:DescribeManagedPrefixLists",
  "ec2:DescribeNetworkInterfaces",
  "ec2:DescribeRouteTables",
  "ec2:DescribeVpcPeeringConnections",
  "ec2:DescribeVpcs",
  "servicequotas:GetServiceQuota",
];

/** Only the tags of the registry may be written: no other key of the table. */
const OWN_TAGS = { "ForAllValues:StringLike": { "aws:TagKeys": ["weaved/*"] } };

/** Region prefixes of the partitions other than `aws`. */
const PARTITIONS: readonly (readonly [string, string])[] = [
  ["cn-", "aws-cn"],
  ["us-gov-", "aws-us-gov"],
  ["us-iso-", "aws-iso"],
  ["us-isob-", "aws-iso-b"],
  ["eu-isoe-", "aws-iso-e"],
  ["us-isof-", "aws-iso-f"],
  ["eusc-", "aws-eusc"],
];

/** The partition of a region: `aws-cn` for `cn-north-1`. Unknown regions and none at all are in `aws`. */
export function partitionOf(region: string | undefined): string {
  return PARTITIONS.find(([prefix]) => region?.startsWith(prefix))?.[1] ?? "aws";
}

/** The smallest IAM policy that lets a host keep these tables: writes are scoped to the tables, reads cannot be scoped. */
export function iamPolicy(input: PolicyInput): PolicyDocument {
  const arn = (kind: string, id: string) =>
    `arn:${input.partition ?? partitionOf(input.region)}:ec2:${input.region ?? "*"}:${input.account ?? "*"}:${kind}/${id}`;
  const tables = input.tables.map((id) => arn("route-table", id));
  const interfaces = (input.interfaces ?? ["*"]).map((id) => arn("network-interface", id));
  const allow = (Sid: string, Action: readonly string[], Resource: readonly string[] | "*") =>
    ({ Sid, Effect: "Allow", Action, Resource }) as const;
  return {
    Version: "2012-10-17",
    Statement: [
      allow("Read", READS, "*"),
      allow("Routes", ["ec2:CreateRoute", "ec2:DeleteRoute", "ec2:ReplaceRoute"], tables),
      { ...allow("Registry", ["ec2:CreateTags", "ec2:DeleteTags"], tables), Condition: OWN_TAGS },
      ...(input.withoutFix === true
        ? []
        : [allow("SourceDestCheck", ["ec2:ModifyNetworkInterfaceAttribute"], interfaces)]),
    ],
  };
}
