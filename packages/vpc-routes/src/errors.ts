/**
 * What went wrong, for programs:
 * - `ADDRESS_INVALID`, `RANGE_INVALID`: input that is not an address, CIDR, or range.
 * - `OPTION_INVALID`: an option out of its range.
 * - `PERMISSION_MISSING`: IAM refused; the message names the action.
 * - `CREDENTIALS_INVALID`: the credentials are missing, wrong, or expired; no permission would help.
 * - `CHECK_ON`: the source/destination check of the interface is on, so EC2 drops packets of containers.
 * - `BLACKHOLE`: routes inside the container network lead to interfaces that are gone, and nobody here made them.
 * - `CONFLICT`: a destination that this host owns is held by a route of somebody else.
 * - `THROTTLED`, `UNAVAILABLE`: worth another try later.
 * - `ROUTE_EXISTS`, `ROUTE_NOT_FOUND`, `TABLE_FULL`, `TABLE_NOT_FOUND`, `TARGET_INVALID`: what EC2 says about one route.
 * - `CIDR_OVERLAP`: the container network overlaps the VPC, a peered VPC that a table leads to, or a range EC2 keeps.
 * - `METADATA_UNAVAILABLE`: the instance metadata service did not answer as IMDSv2.
 * - `EC2_FAILED`: any other EC2 error; `awsCode` has its name.
 */
export type VpcRoutesErrorCode =
  | "ADDRESS_INVALID"
  | "RANGE_INVALID"
  | "OPTION_INVALID"
  | "PERMISSION_MISSING"
  | "CREDENTIALS_INVALID"
  | "CHECK_ON"
  | "BLACKHOLE"
  | "CONFLICT"
  | "THROTTLED"
  | "UNAVAILABLE"
  | "ROUTE_EXISTS"
  | "ROUTE_NOT_FOUND"
  | "TABLE_FULL"
  | "TABLE_NOT_FOUND"
  | "TARGET_INVALID"
  | "CIDR_OVERLAP"
  | "METADATA_UNAVAILABLE"
  | "EC2_FAILED";

/** Every failure of this package. Branch on `code`; the message is for people and may change. */
export class VpcRoutesError extends Error {
  override readonly name = "VpcRoutesError";
  readonly code: VpcRoutesErrorCode;
  /** The EC2 error code, when EC2 said it. */
  readonly awsCode: string | undefined;
  /** The API action (`CreateRoute`), when a call failed. */
  readonly action: string | undefined;

  constructor(
    code: VpcRoutesErrorCode,
    message: string,
    options: ErrorOptions & { readonly awsCode?: string; readonly action?: string } = {},
  ) {
    super(message, options);
    this.code = code;
    this.awsCode = options.awsCode;
    this.action = options.action;
  }
}
