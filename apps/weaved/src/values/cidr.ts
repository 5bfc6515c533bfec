import { Cidr as Net } from "@weaved/ip";
import { WeavedError } from "./error.ts";

/** An IPv4 address with the length of its subnet's prefix: `10.32.1.77/24`. */
export interface Cidr {
  readonly address: string;
  readonly prefixLength: number;
}

const octet = "(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
const dottedQuad = new RegExp(`^${octet}(?:\\.${octet}){3}$`);

/** Four decimal octets without leading zeros, nothing else. */
export function parseAddress(value: string): string {
  if (!dottedQuad.test(value)) throw new WeavedError("REQUEST_INVALID", `invalid IP Address: ${value}`);
  return value;
}

/** An address with a prefix length of 0 to 32. */
export function parseCidr(value: string): Cidr {
  const [address, length, ...rest] = value.split("/");
  const prefixLength = /^\d{1,2}$/.test(length ?? "") ? Number(length) : 33;
  if (rest.length > 0 || !dottedQuad.test(address ?? "") || prefixLength > 32) {
    throw new WeavedError("REQUEST_INVALID", `invalid CIDR address: ${value}`);
  }
  return { address: address!, prefixLength };
}

/** Is it four decimal octets without leading zeros? */
export function isAddress(value: string): boolean {
  return dottedQuad.test(value);
}

/** Is it an address with a prefix length of 0 to 32? */
export function isCidr(value: string): boolean {
  const [address = "", length = "", ...rest] = value.split("/");
  return rest.length === 0 && isAddress(address) && /^\d{1,2}$/.test(length) && Number(length) <= 32;
}

/** All addresses. */
export const everything: Cidr = { address: "0.0.0.0", prefixLength: 0 };

/** Does the network of a CIDR contain an address? */
export function contains({ address, prefixLength }: Cidr, member: string): boolean {
  return Net.of(address, prefixLength).contains(member);
}

/** The network that a CIDR lies in: host bits cleared. */
export function networkOf({ address, prefixLength }: Cidr): Cidr {
  return { address: String(Net.of(address, prefixLength).base), prefixLength };
}

/** A CIDR without host bits and with room for at least two hosts (a prefix of 30 or shorter). */
export function parseSubnet(value: string): Cidr {
  const cidr = parseCidr(value);
  if (networkOf(cidr).address !== cidr.address)
    throw new WeavedError("REQUEST_INVALID", `invalid subnet - bits after network prefix are not all zero: ${value}`);
  if (cidr.prefixLength > 30)
    throw new WeavedError("REQUEST_INVALID", `invalid subnet - smaller than minimum size 4: ${value}`);
  return cidr;
}

/** `10.32.1.77/24`. */
export function cidrText({ address, prefixLength }: Cidr): string {
  return `${address}/${prefixLength}`;
}
