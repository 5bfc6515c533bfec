import type { BridgeSpec, FirewallSpec, ServiceRule } from "@weaved/host-links";
import type { Store } from "@weaved/state-store";
import type { DnsPort, ExposuresPort, HostPort, IpamPort, ServiceRow, ServicesPort } from "../http/ports.ts";
import { parseAddressArgument } from "../values/address-argument.ts";
import type { Cidr } from "../values/cidr.ts";
import { cidrText, parseCidr, parseSubnet } from "../values/cidr.ts";
import { WeavedError } from "../values/error.ts";

/** Under which the host's own addresses in the network are filed; the original's name. */
const exposeId = "weave:expose";
const storeKey = "border";

/** What crosses between the network and the outside through this host, and the host's own addresses in the network. */
export interface Exposures extends ExposuresPort, ServicesPort, HostPort {
  /** Puts everything in place that was so before a restart. */
  restore(): Promise<void>;
}

/** What changes the host; `@weaved/host-links/node` offers it. */
export interface ExposureLinks {
  ensureBridge(bridge: BridgeSpec): Promise<unknown>;
  removeBridgeAddresses(bridge: string, addresses: readonly string[]): Promise<unknown>;
  setFirewall(firewall: FirewallSpec): Promise<unknown>;
}

/** What a border is made with. */
export interface ExposuresOptions {
  readonly links: ExposureLinks;
  readonly bridge: Omit<BridgeSpec, "addresses">;
  /** What is in the firewall besides exposures and services. */
  readonly firewall: FirewallSpec;
  readonly ipam: IpamPort | undefined;
  readonly dns: DnsPort | undefined;
  readonly store: Store;
}

interface Exposed {
  readonly cidr: Cidr;
  readonly masquerade: boolean;
  readonly hostname?: string;
}

/** Makes the border of a host. */
export function createExposures(options: ExposuresOptions): Exposures {
  const { links, bridge, ipam, dns, store } = options;
  /** Bounded by: what operators exposed. */
  let exposed: Exposed[] = [];
  /** Bounded by: what operators added. */
  let services: ServiceRule[] = [];

  async function put(): Promise<void> {
    await links.ensureBridge({ ...bridge, addresses: exposed.map(({ cidr }) => cidrText(cidr)) });
    const exposures = exposed.map(({ cidr, masquerade }) => ({ cidr: cidrText(cidr), masquerade }));
    await links.setFirewall({ ...options.firewall, exposures, services });
    for (const { cidr, hostname } of exposed) if (hostname) dns?.add(hostname, exposeId, cidr.address);
  }

  const save = () => store.save(storeKey, { exposed, services });

  async function obtain(texts: readonly string[]): Promise<Cidr[]> {
    const signal = new AbortController().signal;
    const got: Cidr[] = [];
    for (const text of texts.length > 0 ? texts : ["net:default"]) {
      const argument = parseAddressArgument(text);
      if (!argument)
        throw new WeavedError(
          "REQUEST_INVALID",
          `"${text}" is no address; expected [ip:]A.B.C.D/N, net:A.B.C.D/N or net:default`,
        );
      if (argument.is === "address") {
        const cidr = parseCidr(argument.cidr);
        await ipam?.claim(exposeId, cidr, { isContainer: false, noErrorOnUnknown: false, signal });
        got.push(cidr);
      } else if (!ipam)
        throw new WeavedError(
          "REQUEST_INVALID",
          `${text} needs automatic allocation: launch with --ipalloc-range, or name an address`,
        );
      else
        got.push(
          await ipam.allocate(exposeId, argument.is === "subnet" ? parseSubnet(argument.cidr) : ipam.defaultSubnet, {
            isContainer: false,
            signal,
          }),
        );
    }
    return got;
  }

  async function exposeCidrs(cidrs: readonly Cidr[], how: { masquerade: boolean; hostname?: string }): Promise<void> {
    const others = exposed.filter(({ cidr }) => !cidrs.some(({ address }) => address === cidr.address));
    exposed = [
      ...others,
      ...cidrs.map((cidr) => ({ cidr, masquerade: how.masquerade, ...(how.hostname && { hostname: how.hostname }) })),
    ];
    await put();
    await save();
  }

  return {
    exposeAt: (cidr, how) => exposeCidrs([cidr], how),
    async expose(request) {
      const cidrs = await obtain(request.addresses);
      const isThere = ({ address }: Cidr) => exposed.some(({ cidr }) => cidr.address === address);
      const added = request.keep ? cidrs.filter((cidr) => !isThere(cidr)) : cidrs;
      if (added.length > 0) await exposeCidrs(added, request);
      return cidrs;
    },
    async hide(texts) {
      const meant = (cidr: Cidr) =>
        texts.length === 0 ||
        texts.some((text) => parseAddressArgument(text)?.is === "default" || text.includes(cidr.address));
      const hidden = exposed.filter(({ cidr }) => meant(cidr)).map(({ cidr }) => cidr);
      exposed = exposed.filter(({ cidr }) => !hidden.includes(cidr));
      await links.removeBridgeAddresses(bridge.name, hidden.map(cidrText));
      await put();
      for (const { address } of hidden) {
        dns?.remove({ containerId: exposeId, address });
        if (ipam?.lookup(exposeId, { address: "0.0.0.0", prefixLength: 0 }).some((held) => held.address === address))
          ipam.release(exposeId, address);
      }
      await save();
      return hidden;
    },
    async add({ kind, listen, target }) {
      const rule = readService(kind, listen, target);
      services = [...services.filter(({ name }) => name !== rule.name), rule];
      await put();
      await save();
    },
    async remove(name) {
      if (!services.some((rule) => rule.name === name))
        throw new WeavedError("REQUEST_INVALID", `there is no service "${name}"; see weave service list`);
      services = services.filter((rule) => rule.name !== name);
      await put();
      await save();
    },
    list: async () => services.map(toRow),
    async restore() {
      const saved = (await store.load(storeKey)) as { exposed: Exposed[]; services: ServiceRule[] } | undefined;
      exposed = saved?.exposed ?? [];
      services = saved?.services ?? [];
      await put();
    },
  };
}

/** Reads `PORT[/udp]` or `ADDRESS:PORT[/udp]`, and `ADDRESS:PORT`. */
function readService(kind: ServiceRule["kind"], listen: string, target: string): ServiceRule {
  const from = /^(?:(\d+\.\d+\.\d+\.\d+):)?(\d{1,5})(?:\/(tcp|udp))?$/.exec(listen);
  const to = /^(\d+\.\d+\.\d+\.\d+):(\d{1,5})$/.exec(target);
  if (!from) throw new WeavedError("REQUEST_INVALID", `"${listen}": expected PORT, PORT/udp or ADDRESS:PORT`);
  if (!to) throw new WeavedError("REQUEST_INVALID", `"${target}": expected ADDRESS:PORT`);
  const [, address, port, protocol = "tcp"] = from;
  if (kind === "bind" && !address)
    throw new WeavedError("REQUEST_INVALID", "bind needs the address of the network that is to answer: ADDRESS:PORT");
  return {
    name: `${kind}-${address ? `${address}-` : ""}${port}-${protocol}`,
    kind,
    protocol: protocol as "tcp" | "udp",
    port: Number(port),
    target: { address: to[1]!, port: Number(to[2]) },
    ...(address && { address }),
  };
}

function toRow({ name, kind, protocol, address, port, target }: ServiceRule): ServiceRow {
  return {
    name,
    kind,
    protocol,
    listen: address ? `${address}:${port}` : String(port),
    target: `${target.address}:${target.port}`,
  };
}
