/** Addresses of peers as people write them, and as they are dialled. */
import { MeshError } from "../errors.ts";

/** A direct target, taken apart. */
export interface TargetText {
  readonly host: string;
  /** Absent: the mesh's own port. */
  readonly port?: number;
}

/** Reads `host` or `host:port`. IPv6 literals are not supported, as in the original. @throws MeshError MESH_ADDRESS */
export function parseTarget(text: string): TargetText {
  const [host, port, ...rest] = text.split(":");
  const number = Number(port);
  const portOk = port === undefined || (/^[0-9]{1,5}$/.test(port) && number > 0 && number < 65_536);
  if (!host || !/^[A-Za-z0-9._-]+$/.test(host) || !portOk || rest.length > 0) {
    throw new MeshError("MESH_ADDRESS", `not a target: ${JSON.stringify(text)}; host or host:port is expected`);
  }
  return port === undefined ? { host } : { host, port: number };
}

/** Strict dotted quad to an unsigned number; undefined for anything else. */
export function parseIpv4(text: string): number | undefined {
  const match = /^(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})$/.exec(text);
  if (!match) return undefined;
  const octets = match.slice(1).map(Number);
  if (octets.some((octet) => octet > 255)) return undefined;
  return octets.reduce((value, octet) => value * 256 + octet, 0);
}

/** Whether a text is exactly `a.b.c.d:port`. */
export function isEndpoint(text: string): boolean {
  const port = text.slice(text.lastIndexOf(":") + 1);
  return parseIpv4(hostOf(text)) !== undefined && /^[1-9]\d{0,4}$/.test(port) && Number(port) < 65_536;
}

/** The host part of `host:port`. */
export function hostOf(address: string): string {
  return address.slice(0, Math.max(address.lastIndexOf(":"), 0));
}

/**
 * Whether addresses lie in one of some subnets, such as `10.0.0.0/8`.
 *
 * @throws MeshError MESH_ADDRESS for a text that is no IPv4 CIDR
 */
export function subnetTest(cidrs: readonly string[]): (address: string) => boolean {
  const subnets = cidrs.map((cidr) => {
    const [base, bits, ...rest] = cidr.split("/");
    const start = parseIpv4(base ?? "");
    if (start === undefined || !/^\d{1,2}$/.test(bits ?? "") || Number(bits) > 32 || rest.length > 0) {
      throw new MeshError("MESH_ADDRESS", `not a subnet: ${JSON.stringify(cidr)}`);
    }
    return { start, size: 2 ** (32 - Number(bits)) };
  });
  return (address) => {
    const value = parseIpv4(address);
    if (value === undefined) return false;
    return subnets.some(({ start, size }) => Math.floor(value / size) === Math.floor(start / size));
  };
}
