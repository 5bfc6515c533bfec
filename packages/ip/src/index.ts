/**
 * Strict IPv4 and IPv6 addresses and CIDRs.
 *
 * One grammar for both families, canonical text, and immutable values that compare cheaply. Nothing here needs Node.
 *
 * @example
 * ```ts
 * import { Cidr, Ip } from "@weaved/ip";
 * Cidr.parse("10.32.0.0/12").contains("10.32.0.5"); // true
 * Ip.parse("010.0.0.1"); // throws: "010.0.0.1" is not a valid IPv4 address
 * ```
 * @packageDocumentation
 */
export { Cidr, type CidrInput, type IpInterface, parseInterface, toCidr } from "./cidr.ts";
export { IpError, type IpErrorCode } from "./errors.ts";
export { type Family, Ip, type IpInput, toIp } from "./ip.ts";
export { blocksOfRange, mergeCidrs, type NumberRange, subtractRanges } from "./range.ts";
