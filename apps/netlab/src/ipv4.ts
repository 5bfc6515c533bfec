import { NetlabError } from "./errors.ts";

/** A block of IPv4 addresses; `base` is an unsigned 32-bit integer with the host bits cleared. */
export interface Cidr {
  readonly base: number;
  /** Prefix length, 8 to 30: a lab subnet needs room for a gateway beside a host. */
  readonly bits: number;
}

/** Strict dotted quad to an unsigned 32-bit integer; undefined for anything else, octal-looking parts included. */
export function parseIpv4(text: string): number | undefined {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256)) return;
  return parts.reduce((value, part) => value * 256 + Number(part), 0);
}

/** Unsigned 32-bit integer to dotted quad. */
export function formatIpv4(value: number): string {
  return [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join(".");
}

/** Parses `10.1.2.0/24`; `what` names the setting in the error. */
export function parseCidr(text: string, what: string): Cidr {
  const [address = "", bits = ""] = text.split("/");
  const value = parseIpv4(address);
  const length = /^\d{1,2}$/.test(bits) ? Number(bits) : Number.NaN;
  if (value === undefined || !(length >= 8 && length <= 30)) {
    throw new NetlabError("TOPOLOGY_INVALID", `${what} is "${text}": expected an IPv4 subnet like 10.1.2.0/24`);
  }
  return { base: value - (value % 2 ** (32 - length)), bits: length };
}

/** Whether an address lies in a block, its first (network) and last (broadcast) address left out. */
export function isHostAddress(cidr: Cidr, address: number): boolean {
  return address > cidr.base && address < cidr.base + 2 ** (32 - cidr.bits) - 1;
}
