import { EniPlannerError } from "../errors.ts";

/** What an operator does about a failure, by the name that EC2 or its SDK gives it. */
const REMEDIES: Readonly<Record<string, string>> = {
  UnauthorizedOperation:
    "allow ec2:DescribeSubnets, ec2:DescribeNetworkInterfaces, and ec2:DescribeInstances for this identity",
  AuthFailure: "the credentials are not valid for this account or region; check the access key and the clock",
  InvalidClientTokenId: "the access key does not exist; check the credentials",
  ExpiredToken: "sign in again: the session has ended",
  RequestExpired: "sign in again, or set the clock",
  CredentialsProviderError: "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
  "InvalidVpcID.NotFound": "check the id and the region",
  InvalidVpcID: "check the id and the region",
  ECONNREFUSED: "no server answers at that endpoint; check --endpoint and AWS_ENDPOINT_URL_EC2",
  ENOTFOUND: "the endpoint does not resolve; check --region and the network",
  ETIMEDOUT: "the endpoint does not answer; a private subnet needs a NAT gateway or a VPC endpoint for EC2",
  TimeoutError: "the endpoint does not answer; a private subnet needs a NAT gateway or a VPC endpoint for EC2",
};

/** A failure of the SDK as one line: the cause, and the remedy where it is known. Errors of this package pass unchanged. */
export function awsFailure(what: string, error: unknown): EniPlannerError {
  if (error instanceof EniPlannerError) return error;
  const { name, message, code } = error as Error & { readonly code?: string };
  if (message === "Region is missing")
    return new EniPlannerError("INPUT_INVALID", `${what}: the region is not known; name it with --region`, {
      cause: error,
    });
  const remedy = REMEDIES[name] ?? REMEDIES[code ?? ""];
  const text = `${what}: ${message || code || name}${remedy ? `; ${remedy}` : ""}`.replace(/\s+/g, " ");
  return new EniPlannerError("INPUT_INVALID", text, { cause: error });
}
