/**
 * What a container's name means beyond IPv4 addresses: IPv6 addresses, services, weights, health.
 *
 * The entries of Weave Net 2.8 have room for an IPv4 address only, and its peers re-encode what they relay, which would strip any
 * added field. So these claims travel on a channel of their own, {@link RECORDS_CHANNEL}, which peers of Weave Net 2.8 relay unread.
 */
import { parseIpv6 } from "./address.ts";
import type { ClaimType } from "./entry.ts";
import { DnsError } from "./errors.ts";

/** Gossip channel of address claims, by its name in Weave Net 2.8. */
export const NAMES_CHANNEL = "nameserver";
/** Gossip channel of all other claims; new with `weaved`. */
export const RECORDS_CHANNEL = "weaved-records";

/** A record of a container's name. */
export type NameRecord =
  | { readonly type: "AAAA"; readonly address: string }
  | ServiceRecord
  /** Share of the traffic among containers of one name: 1 without a record, and 0 for a container of last resort. */
  | { readonly type: "WEIGHT"; readonly weight: number };

/** A port of a container, answered to SRV queries for `_service._proto.NAME`. */
export interface ServiceRecord {
  readonly type: "SRV";
  /** `_http` */
  readonly service: string;
  /** `_tcp` or `_udp` */
  readonly protocol: string;
  readonly port: number;
  /** @defaultValue 0 */
  readonly priority?: number;
  /** @defaultValue 1 */
  readonly weight?: number;
}

/** What a HEALTH claim holds. There is one only while the container is unhealthy. */
export const UNHEALTHY = "unhealthy";

const LABEL = /^_[a-z0-9]([a-z0-9-]{0,60}[a-z0-9])?$/i;
const isUint16 = (value: number): boolean => Number.isInteger(value) && value >= 0 && value <= 0xffff;

/** Record to claim text: `fd00::1`, `_http._tcp 8080 0 1`, `2.5`. @throws DnsError `DNS_BAD_RECORD` */
export function formatRecord(record: NameRecord): { type: ClaimType; data: string } {
  const bad = (): DnsError => new DnsError("DNS_BAD_RECORD", `${JSON.stringify(record)} is not a valid record`);
  switch (record.type) {
    case "AAAA":
      if (parseIpv6(record.address) === undefined) throw bad();
      return { type: "AAAA", data: record.address.toLowerCase() };
    case "SRV": {
      const { service, protocol, port, priority = 0, weight = 1 } = record;
      if (!LABEL.test(service) || !LABEL.test(protocol) || ![port, priority, weight].every(isUint16)) throw bad();
      return { type: "SRV", data: `${service}.${protocol} ${port} ${priority} ${weight}`.toLowerCase() };
    }
    case "WEIGHT":
      if (!(record.weight >= 0 && record.weight <= 1e6)) throw bad();
      return { type: "WEIGHT", data: String(record.weight) };
    default:
      throw bad();
  }
}

/** Claim text to a service; undefined for text that another peer made up. */
export function parseService(data: string): Required<ServiceRecord> | undefined {
  const match = /^(_[a-z0-9-]+)\.(_[a-z0-9-]+) (\d{1,5}) (\d{1,5}) (\d{1,5})$/.exec(data);
  if (match === null) return undefined;
  const [, service = "", protocol = "", ...numbers] = match;
  const [port = 0, priority = 0, weight = 0] = numbers.map(Number);
  return [port, priority, weight].every(isUint16)
    ? { type: "SRV", service, protocol, port, priority, weight }
    : undefined;
}

/** Claim text to a weight; 1 for text that another peer made up. */
export function parseWeight(data: string): number {
  const weight = Number(data);
  return data !== "" && weight >= 0 && weight <= 1e6 ? weight : 1;
}

/**
 * A container label's text to services: comma-separated `[_service._protocol:]port`.
 *
 * `"_http._tcp:8080,_metrics._tcp:9090"`; `"8080"` means `_http._tcp:8080`.
 * @throws DnsError `DNS_BAD_RECORD`
 */
export function parseServiceLabel(text: string): ServiceRecord[] {
  return text.split(",").map((part) => {
    const match = /^\s*(?:(_[^.:]+)\.(_[^.:]+):)?(\d{1,5})\s*$/.exec(part);
    if (match === null)
      throw new DnsError("DNS_BAD_RECORD", `"${part}" is not a valid service; expected _service._protocol:port`);
    const record: ServiceRecord = {
      type: "SRV",
      service: match[1] ?? "_http",
      protocol: match[2] ?? "_tcp",
      port: Number(match[3]),
    };
    formatRecord(record);
    return record;
  });
}
