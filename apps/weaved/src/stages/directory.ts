import type { Allocator } from "@weaved/ipam-ring";
import type { DnsPort, IpamPort } from "../http/ports.ts";
import { dnsPort } from "../services/dns-port.ts";
import type { FirstContact } from "../services/first-contact.ts";
import { ipamPort, startIpam } from "../services/ipam.ts";
import { type NamesService, startNames } from "../services/names.ts";
import type { Identity } from "./identity.ts";
import type { Network } from "./network.ts";

/** Who has which address, and which name. Each is undefined when it is switched off. */
export interface Directory {
  readonly ipam: Allocator | undefined;
  readonly ipamApi: IpamPort | undefined;
  readonly dns: NamesService | undefined;
  readonly dnsApi: DnsPort | undefined;
}

/** Third stage: addresses and names, replicated over the mesh. */
export async function startDirectory(
  identity: Identity,
  { mesh, datapath, cloud }: Network,
  firstContact: FirstContact,
): Promise<Directory> {
  const { settings, store, log, metrics, undo } = identity;
  const ipam =
    settings["ipalloc-range"] === ""
      ? undefined
      : await startIpam({ settings, mesh, firstContact, store, logger: log.part("ipam"), metrics });
  if (ipam) undo.add(() => ipam.close());
  if (ipam && datapath && !cloud) {
    // The ring says who owns an address, so the data path need not flood to find it.
    datapath.setAddressOwners(ipam.ranges());
    undo.add(ipam.onRangesChanged(() => datapath.setAddressOwners(ipam.ranges())));
  }
  const dns = settings["no-dns"] ? undefined : await startNames(settings, mesh, store, log.part("dns"), metrics);
  if (dns) undo.add(() => dns.close());
  const tracker = settings.awsvpc ? "awsvpc" : settings["no-masq-local"] ? "no-masq-local" : "";
  return {
    ipam,
    ipamApi: ipam && ipamPort(ipam, tracker),
    dns,
    dnsApi: dns && dnsPort(dns.names, dns.listener),
  };
}
