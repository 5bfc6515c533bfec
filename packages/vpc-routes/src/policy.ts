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
  /** @defaultValue "aws"; `aws-cn` and `aws-us-gov` are the others */
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
  }[];
}

/** Calls without resource-level permissions: EC2 accepts only `*` for them. */
const READS = [
  "ec2:DescribeInstances",
  "ec2:DescribeNetworkInterfaces",
  "ec2:DescribeRouteTables",
  "ec2:DescribeVpcPeeringConnections",
  "ec2:DescribeVpcs",
  "servicequotas:GetServiceQuota",
];

/** The smallest IAM policy that lets a host keep these tables: writes are scoped to the tables, reads cannot be scoped. */
export function iamPolicy(input: PolicyInput): PolicyDocument {
  const arn = (kind: string, id: string) =>
    `arn:${input.partition ?? "aws"}:ec2:${input.region ?? "*"}:${input.account ?? "*"}:${kind}/${id}`;
  const tables = input.tables.map((id) => arn("route-table", id));
  const interfaces = (input.interfaces ?? ["*"]).map((id) => arn("network-interface", id));
  const allow = (Sid: string, Action: readonly string[], Resource: readonly string[] | "*") =>
    ({ Sid, Effect: "Allow", Action, Resource }) as const;
  return {
    Version: "2012-10-17",
    Statement: [
      allow("Read", READS, "*"),
      allow("Routes", ["ec2:CreateRoute", "ec2:DeleteRoute", "ec2:ReplaceRoute"], tables),
      allow("Registry", ["ec2:CreateTags", "ec2:DeleteTags"], tables),
      ...(input.withoutFix === true
        ? []
        : [allow("SourceDestCheck", ["ec2:ModifyNetworkInterfaceAttribute"], interfaces)]),
    ],
  };
}
