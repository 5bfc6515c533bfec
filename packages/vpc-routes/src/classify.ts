import { VpcRoutesError, type VpcRoutesErrorCode } from "./errors.ts";

/** EC2's error names, some of which it spells in two ways. */
const CODES: Readonly<Record<string, VpcRoutesErrorCode>> = {
  RouteAlreadyExists: "ROUTE_EXISTS",
  "InvalidRoute.NotFound": "ROUTE_NOT_FOUND",
  RouteLimitExceeded: "TABLE_FULL",
  TagLimitExceeded: "TABLE_FULL",
  "InvalidRouteTableID.NotFound": "TABLE_NOT_FOUND",
  "InvalidRouteTableId.NotFound": "TABLE_NOT_FOUND",
  "InvalidNetworkInterfaceID.NotFound": "TARGET_INVALID",
  "InvalidNetworkInterfaceId.NotFound": "TARGET_INVALID",
  "InvalidInstanceID.NotFound": "TARGET_INVALID",
  InvalidInstanceID: "TARGET_INVALID",
  UnauthorizedOperation: "PERMISSION_MISSING",
  AccessDenied: "PERMISSION_MISSING",
  AccessDeniedException: "PERMISSION_MISSING",
  AuthFailure: "CREDENTIALS_INVALID",
  InvalidClientTokenId: "CREDENTIALS_INVALID",
  UnrecognizedClientException: "CREDENTIALS_INVALID",
  SignatureDoesNotMatch: "CREDENTIALS_INVALID",
  InvalidSignatureException: "CREDENTIALS_INVALID",
  ExpiredToken: "CREDENTIALS_INVALID",
  ExpiredTokenException: "CREDENTIALS_INVALID",
  RequestExpired: "CREDENTIALS_INVALID",
  CredentialsProviderError: "CREDENTIALS_INVALID",
  TokenProviderError: "CREDENTIALS_INVALID",
  RequestLimitExceeded: "THROTTLED",
  Throttling: "THROTTLED",
  ThrottlingException: "THROTTLED",
  TooManyRequestsException: "THROTTLED",
  InternalError: "UNAVAILABLE",
  InternalFailure: "UNAVAILABLE",
  Unavailable: "UNAVAILABLE",
  ServiceUnavailable: "UNAVAILABLE",
  IncorrectState: "UNAVAILABLE",
};

/**
 * An EC2 error as an error of this package. ReplaceRoute for a missing destination is `InvalidParameterValue` or
 * `InvalidRoute.NotFound`, depending on the day; only 5xx and throttling are worth a retry.
 * @param status - HTTP status; absent when there was no answer, which counts as unavailable
 */
export function classify(action: string, awsCode: string, message: string, status?: number): VpcRoutesError {
  const missing =
    action === "ReplaceRoute" && awsCode === "InvalidParameterValue" && /no route|CreateRoute/i.test(message);
  const fallback = status === undefined || status >= 500 ? "UNAVAILABLE" : "EC2_FAILED";
  const code = missing ? "ROUTE_NOT_FOUND" : (CODES[awsCode] ?? fallback);
  const hint = HINTS[code]?.(action) ?? "";
  return new VpcRoutesError(code, `${action}: ${awsCode}: ${message}${hint}`, { awsCode, action });
}

/** What to do about an error. */
const HINTS: Readonly<Partial<Record<VpcRoutesErrorCode, (action: string) => string>>> = {
  PERMISSION_MISSING: (action) => ` (allow ${iamAction(action)} in the host's IAM role)`,
  CREDENTIALS_INVALID: () => " (check the instance's role, or the access key, and the clock)",
};

/** The IAM action of an API call. */
export function iamAction(action: string): string {
  return `${action === "GetServiceQuota" ? "servicequotas" : "ec2"}:${action}`;
}
