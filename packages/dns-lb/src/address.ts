/**
 * Addresses inside this package: IPv4 as unsigned 32-bit integers, first octet most significant, because look-ups and replies
 * handle them by the million. Public functions take and give the type of `@weaved/ip`.
 */
import { type Cidr, type CidrInput, Ip, IpError, type IpInput, toCidr, toIp } from "@weaved/ip";
import { DnsError } from "./errors.ts";

/** Dotted-quad text to an integer; undefined for any other text. */
export function parseIpv4(text: string): number | undefined {
  const ip = Ip.tryParse(text);
  return ip?.family === 4 ? ip.toNumber() : undefined;
}

/** An integer as dotted-quad text. */
export const formatIpv4 = (address: number): string => Ip.v4(address).toString();

/**
 * An IPv4 address of a caller as an integer.
 * @throws DnsError `DNS_BAD_ADDRESS`
 */
export function toIpv4(input: IpInput | number): number {
  try {
    return (typeof input === "number" ? Ip.v4(input) : toIp(input)).toNumber();
  } catch (cause) {
    throw badAddress(cause);
  }
}

/** An IPv4 network by its first address and prefix length (0 to 32). */
export interface Subnet {
  readonly base: number;
  readonly prefix: number;
}

/**
 * IPv4 networks of a caller.
 * @throws DnsError `DNS_BAD_ADDRESS`
 */
export function toSubnets(inputs: readonly CidrInput[]): Subnet[] {
  try {
    return inputs.map((input) => subnetOf(toCidr(input)));
  } catch (cause) {
    throw badAddress(cause);
  }
}

const subnetOf = ({ base, length }: Cidr): Subnet => ({ base: base.toNumber(), prefix: length });

function badAddress(cause: unknown): unknown {
  return cause instanceof IpError ? new DnsError("DNS_BAD_ADDRESS", cause.message, { cause }) : cause;
}

/** Whether an address lies in a subnet. */
export const contains = (subnet: Subnet, address: number): boolean =>
  address >= subnet.base && address < subnet.base + 2 ** (32 - subnet.prefix);

/** IPv6 text to 16 bytes; undefined for any other text. */
export function parseIpv6(text: string): Uint8Array | undefined {
  const ip = Ip.tryParse(text);
  return ip?.family === 6 ? ip.toBytes() : undefined;
}
