import { Cidr, type CidrInput, Ip, IpError, type IpInput, parseInterface, toIp } from "@weaved/ip";
import { VpcRoutesError } from "./errors.ts";

/**
 * A CIDR from text or as it is. Host bits of a text are cleared, as EC2 does (100.68.0.18/18 becomes 100.68.0.0/18).
 * @throws VpcRoutesError `ADDRESS_INVALID`
 */
export function toBlock(input: CidrInput): Cidr {
  return input instanceof Cidr ? input : checked(() => parseInterface(input).cidr);
}

/**
 * An address from text or as it is.
 * @throws VpcRoutesError `ADDRESS_INVALID`
 */
export function toAddress(input: IpInput): Ip {
  return checked(() => toIp(input));
}

/**
 * The unsigned 32-bit integer of an IPv4 address.
 * @throws VpcRoutesError `ADDRESS_INVALID`
 */
export function toNumber(input: IpInput): number {
  return checked(() => toIp(input).toNumber());
}

/** The dotted quad of an unsigned 32-bit integer. */
export function formatIpv4(value: number): string {
  return Ip.v4(value).toString();
}

/** The first address of an IPv4 block and the one after its last, as unsigned integers. */
export function boundsOf(cidr: Cidr): { readonly start: number; readonly end: number } {
  const start = cidr.base.toNumber();
  return { start, end: start + Number(cidr.size) };
}

function checked<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof IpError) throw new VpcRoutesError("ADDRESS_INVALID", cause.message, { cause });
    throw cause;
  }
}
