import type { Names } from "@weaved/dns-lb";
import type { DnsReport } from "../diagnostics/report.ts";
import type { DnsPort } from "../http/ports.ts";

/** Where the server listens, as HTTP clients are told. */
export interface DnsListener {
  readonly address: string;
  readonly port: number;
  readonly ttl: number;
  /** The servers that answer other names. */
  upstreams(): readonly string[];
}

/** Names as the control interface needs them. */
export function dnsPort(names: Names, listener: DnsListener): DnsPort {
  return {
    domain: names.domain,
    get address() {
      return listener.address;
    },
    port: listener.port,
    add(fqdn, containerId, address) {
      names.add(fqdn, containerId, address);
    },
    remove(filter) {
      names.remove(filter);
    },
    entries: () => names.toJSON(),
  };
}

/** Names as the report shows them. */
export function dnsReport(names: Names, listener: DnsListener, formatPeer: (name: number) => string): DnsReport {
  const entries = names.toJSON().map(({ Hostname, Origin, ContainerID, Addr, Version, Tombstone }) => ({
    Hostname,
    Origin: formatPeer(Origin),
    ContainerID,
    Address: Addr,
    Version,
    Tombstone,
  }));
  const upstreams = listener.upstreams();
  return {
    Domain: names.domain,
    Upstream: upstreams.length > 0 ? [...upstreams] : null,
    Address: `${listener.address}:${listener.port}`,
    TTL: listener.ttl,
    Entries: entries.length > 0 ? entries : null,
  };
}
