import type { BridgeSpec, FirewallSpec, ServiceRule } from "@weaved/host-links";
import type { Store } from "@weaved/state-store";
import type { DnsPort, ExposuresPort, HostPort, IpamPort, ServiceRow, ServicesPort } from "../http/ports.ts";
import { readAddressArgument } from "../values/address-argument.ts";
import { type Cidr, cidrText, contains, everything, isAddress, parseCidr, parseSubnet } from "../values/cidr.ts";
import { defined } from "../values/defined.ts";
import { WeavedError } from "../values/error.ts";

/** Under which the host's own addresses in the network are filed; the original's name. */
const exposeId = "weave:expose";
const storeKey = "border";

/** What crosses between the network and the outside through this host, and the host's own addresses in the network. */
export interface Exposures extends ExposuresPort, ServicesPort, HostPort {
  /** The host's own addresses in the network. */
  exposed(): readonly { readonly cidr: Cidr; readonly hostname?: string }[];
  /** Puts everything in place that was so before a restart. */
  restore(): Promise<void>;
  /** Puts the rules in place again, when others than exposures and services have changed. */
  refreshRules(): Promise<void>;
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
  readonly firewall: () => FirewallSpec;
  readonly ipam: IpamPort | undefined;
  readonly dns: DnsPort | undefined;
  readonly store: Store;
  /** The bridge may have other addresses now; awaited, so that what listens there is ready when a caller learns the address. */
  readonly onAddresses?: (() => Promise<void> | undefined) | undefined;
}

interface Wanted {
  readonly exposed: readonly Exposed[];
  readonly services: readonly ServiceRule[];
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
  let exposed: readonly Exposed[] = [];
  /** Bounded by: what operators added. */
  let services: readonly ServiceRule[] = [];
  /** Changes come one after the other. */
  let queue: Promise<void> = Promise.resolve();

  async function put(wanted: Wanted): Promise<void> {
    await links.ensureBridge({ ...bridge, addresses: wanted.exposed.map(({ cidr }) => cidrText(cidr)) });
    await options.onAddresses?.();
    await putRules(wanted);
    for (const { cidr, hostname } of wanted.exposed) if (hostname) dns?.add(hostname, exposeId, cidr.address);
  }

  async function putRules(wanted: Wanted): Promise<void> {
    const exposures = wanted.exposed.map(({ cidr, masquerade }) => ({ cidr: cidrText(cidr), masquerade }));
    await links.setFirewall({ ...options.firewall(), exposures, services: wanted.services });
  }

  /** All or nothing: a change that the host refuses leaves everything as it was, so that later changes are not refused for it. */
  function change(make: (now: Wanted) => Wanted): Promise<void> {
    const turn = queue.then(async () => {
      const before = { exposed, services };
      const wanted = make(before);
      const gone = before.exposed.filter(({ cidr }) => !wanted.exposed.some((kept) => sameCidr(kept.cidr, cidr)));
      try {
        // First, because the kernel takes the others of a subnet along with its first address.
        if (gone.length > 0)
          await links.removeBridgeAddresses(
            bridge.name,
            gone.map(({ cidr }) => cidrText(cidr)),
          );
        await put(wanted);
      } catch (error) {
        await put(before).catch(() => {});
        throw error;
      }
      ({ exposed, services } = wanted);
      await store.save(storeKey, wanted);
    });
    queue = turn.catch(() => {});
    return turn;
  }

  async function obtain(texts: readonly string[]): Promise<Cidr[]> {
    const signal = new AbortController().signal;
    const got: Cidr[] = [];
    for (const text of texts.length > 0 ? texts : ["net:default"]) {
      const argument = readAddressArgument(text);
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

  function exposeCidrs(cidrs: readonly Cidr[], how: { masquerade: boolean; hostname?: string }): Promise<void> {
    const added = cidrs.map((cidr) => ({ cidr, ...defined({ masquerade: how.masquerade, hostname: how.hostname }) }));
    return change((now) => ({
      ...now,
      exposed: [...now.exposed.filter(({ cidr }) => !cidrs.some((one) => sameCidr(one, cidr))), ...added],
    }));
  }

  function giveBack({ address }: Cidr): void {
    dns?.remove({ containerId: exposeId, address });
    if (ipam?.lookup(exposeId, everything).some((held) => held.address === address)) ipam.release(exposeId, address);
  }

  return {
    exposeAt: (cidr, how) => exposeCidrs([cidr], how),
    async expose(request) {
      const cidrs = await obtain(request.addresses);
      const isThere = (cidr: Cidr) => exposed.some((one) => sameCidr(one.cidr, cidr));
      const added = request.keep ? cidrs.filter((cidr) => !isThere(cidr)) : cidrs;
      try {
        if (added.length > 0) await exposeCidrs(added, request);
      } catch (error) {
        for (const cidr of added) if (!isThere(cidr)) giveBack(cidr);
        throw error;
      }
      return cidrs;
    },
    async hide(texts) {
      const hidden = exposed
        .map(({ cidr }) => cidr)
        .filter((cidr) => (texts.length > 0 ? texts : ["net:default"]).some((text) => names(text, cidr, ipam)));
      if (hidden.length === 0 && texts.length > 0)
        throw new WeavedError(
          "NOT_FOUND",
          `${texts.join(" ")} is not exposed; name an address that weave expose printed`,
        );
      if (hidden.length === 0) return [];
      await change((now) => ({
        ...now,
        exposed: now.exposed.filter(({ cidr }) => !hidden.some((one) => sameCidr(one, cidr))),
      }));
      for (const cidr of hidden) giveBack(cidr);
      return hidden;
    },
    exposed: () => exposed.map(({ cidr, hostname }) => ({ cidr, ...(hostname && { hostname }) })),
    async add({ kind, listen, target }) {
      const rule = readService(kind, listen, target);
      await change((now) => ({ ...now, services: [...now.services.filter(({ name }) => name !== rule.name), rule] }));
    },
    async remove(name) {
      if (!services.some((rule) => rule.name === name))
        throw new WeavedError("NOT_FOUND", `there is no service rule "${name}"; see weave service list`);
      await change((now) => ({ ...now, services: now.services.filter((rule) => rule.name !== name) }));
    },
    list: async () => services.map(toRow),
    refreshRules() {
      const turn = queue.then(() => putRules({ exposed, services }));
      queue = turn.catch(() => {});
      return turn;
    },
    async restore() {
      const saved = (await store.load(storeKey)) as Partial<Wanted> | undefined;
      exposed = saved?.exposed ?? [];
      services = saved?.services ?? [];
      await put({ exposed, services });
    },
  };
}

function sameCidr(a: Cidr, b: Cidr): boolean {
  return a.address === b.address && a.prefixLength === b.prefixLength;
}

/** Does an address argument of `hide` mean this address? An address means itself with its prefix, a subnet means all in it. */
function names(text: string, cidr: Cidr, ipam: IpamPort | undefined): boolean {
  const argument = readAddressArgument(text);
  if (argument.is === "address") return argument.cidr === cidrText(cidr);
  const subnet = argument.is === "subnet" ? parseCidr(argument.cidr) : ipam?.defaultSubnet;
  // Without allocation there is no default subnet, so everything is meant.
  return subnet === undefined || contains(subnet, cidr.address);
}

/** Reads `PORT[/udp]` or `ADDRESS:PORT[/udp]`, and `ADDRESS:PORT`. */
function readService(kind: ServiceRule["kind"], listen: string, target: string): ServiceRule {
  const [, address, port = "", protocol = "tcp"] = /^(?:([\d.]+):)?(\d{1,5})(?:\/(tcp|udp))?$/.exec(listen) ?? [];
  const [, targetAddress = "", targetPort = ""] = /^([\d.]+):(\d{1,5})$/.exec(target) ?? [];
  if (!isPort(port) || (address !== undefined && !isAddress(address)))
    throw new WeavedError(
      "REQUEST_INVALID",
      `"${listen}" is not a valid place to listen; expected PORT, PORT/udp, or ADDRESS:PORT`,
    );
  if (!isPort(targetPort) || !isAddress(targetAddress))
    throw new WeavedError("REQUEST_INVALID", `"${target}" is not a valid target; expected ADDRESS:PORT`);
  if (kind === "bind" && !address)
    throw new WeavedError(
      "REQUEST_INVALID",
      "bind needs the address in the network that answers; expected ADDRESS:PORT",
    );
  return {
    name: `${kind}-${address ? `${address}-` : ""}${port}-${protocol}`,
    kind,
    protocol: protocol as "tcp" | "udp",
    port: Number(port),
    target: { address: targetAddress, port: Number(targetPort) },
    ...(address && { address }),
  };
}

function isPort(text: string): boolean {
  return Number(text) >= 1 && Number(text) <= 65535;
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
