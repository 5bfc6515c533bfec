import { type AttachmentSpec, macOfAddress, type Target } from "@weaved/host-links";
import type { AddressArgument } from "../cli/address-arguments.ts";
import { addressArgumentText, parseAddressArgument } from "../cli/address-arguments.ts";
import { cidrText, parseCidr, parseSubnet } from "../http/exchange.ts";
import type { AttachmentRow, AttachmentsPort, AttachRequest, Cidr, DnsPort, IpamPort } from "../http/ports.ts";
import type { Logger } from "../logging.ts";
import type { Store } from "../state/store.ts";
import { type Attachable, type FindContainer, resolveReference } from "./reference.ts";

/** What moves interfaces; `@weaved/host-links/node` offers it. */
export interface Links {
  attach(spec: AttachmentSpec): Promise<unknown>;
  /** Takes the named addresses away; all, and the interface, when none are named. */
  detach(what: {
    readonly id: string;
    readonly target: Target;
    readonly addresses?: readonly string[];
  }): Promise<unknown>;
}

/** What attaching needs. */
export interface AttachmentsOptions {
  readonly links: Links;
  readonly bridge: string;
  readonly mtu: number;
  readonly ipam?: IpamPort;
  readonly dns?: DnsPort;
  readonly find?: FindContainer;
  /** Is the namespace still there? */
  readonly isAlive: (target: Target) => boolean;
  readonly store: Store;
  readonly logger: Logger;
  /** No multicast route and no other address than allocated ones, as in VPC mode. */
  readonly vpc: boolean;
}

interface Attachment {
  readonly id: string;
  readonly target: Target;
  readonly hasEngine: boolean;
  readonly cidrs: Cidr[];
  readonly multicastRoute: boolean;
  readonly hostname?: string;
}

const storeKey = "attachments";

/** Attached namespaces of this host, kept over restarts. */
export interface Attachments extends AttachmentsPort {
  /** Takes up what was attached before a restart: what is still alive is repaired, what is gone is given back. */
  restore(): Promise<void>;
  /** Gives back what belongs to namespaces that are gone and that no engine tells us of. */
  sweep(): Promise<void>;
  /** A container has ended; its addresses stay reserved for a while, its names go. */
  ended(id: string): Promise<void>;
  readonly count: number;
}

/** Makes the keeper of attachments. */
export function createAttachments(options: AttachmentsOptions): Attachments {
  const { links, ipam, dns, store, logger } = options;
  /** Bounded by: attached namespaces of this host. */
  const all = new Map<string, Attachment>();
  const save = () => store.save(storeKey, [...all.values()]);

  async function attach(request: AttachRequest): Promise<Cidr[]> {
    const what = await resolveReference(request.container, options.find);
    const before = all.get(what.id);
    const got = await obtain(what, request.addresses);
    const known = new Map([...(before?.cidrs ?? []), ...got].map((cidr) => [cidr.address, cidr]));
    const attachment: Attachment = {
      id: what.id,
      target: what.target,
      hasEngine: what.hasEngine,
      cidrs: [...known.values()],
      multicastRoute: request.multicastRoute && !options.vpc,
      ...(what.hostname && request.dns && { hostname: what.hostname }),
    };
    try {
      await plug(attachment);
    } catch (error) {
      for (const { address } of got)
        if (!before?.cidrs.some((cidr) => cidr.address === address)) ipam?.release(what.id, address);
      throw error;
    }
    all.set(what.id, attachment);
    register(attachment);
    await save();
    return got;
  }

  async function plug({ id, target, cidrs, multicastRoute }: Attachment): Promise<void> {
    await links.attach({
      id,
      target,
      bridge: options.bridge,
      mtu: options.mtu,
      addresses: cidrs.map(cidrText),
      multicastRoute,
    });
  }

  function register({ id, hostname, cidrs }: Attachment): void {
    if (hostname) for (const { address } of cidrs) dns?.add(hostname, id, address);
  }

  async function obtain({ id, hasEngine }: Attachable, texts: readonly string[]): Promise<Cidr[]> {
    const wanted = texts.length > 0 ? texts.map(readArgument) : [{ is: "default" } as const];
    const got: Cidr[] = [];
    for (const argument of wanted) got.push(await obtainOne(id, hasEngine, argument));
    return got;
  }

  async function obtainOne(id: string, isContainer: boolean, argument: AddressArgument): Promise<Cidr> {
    const signal = new AbortController().signal;
    if (argument.is === "address") {
      const cidr = parseCidr(argument.cidr);
      await ipam?.claim(id, cidr, { isContainer, noErrorOnUnknown: false, signal });
      return cidr;
    }
    if (!ipam)
      throw new Error(
        `${addressArgumentText(argument)} needs automatic allocation: launch with --ipalloc-range, or name an address`,
      );
    return ipam.allocate(id, argument.is === "subnet" ? parseSubnet(argument.cidr) : ipam.defaultSubnet, {
      isContainer,
      signal,
    });
  }

  async function detach(reference: string, texts: readonly string[]): Promise<Cidr[]> {
    const attachment = all.get(reference) ?? all.get((await resolveReference(reference, options.find)).id);
    if (!attachment) return [];
    const taken =
      texts.length > 0
        ? attachment.cidrs.filter((cidr) => texts.some((text) => matches(readArgument(text), cidr)))
        : attachment.cidrs;
    const left = attachment.cidrs.filter((cidr) => !taken.includes(cidr));
    const { id, target } = attachment;
    await links.detach({ id, target, ...(left.length > 0 && { addresses: taken.map(cidrText) }) });
    giveBack(attachment, taken);
    if (left.length > 0) all.set(id, { ...attachment, cidrs: left });
    else all.delete(id);
    await save();
    return taken;
  }

  function matches(argument: AddressArgument, { address }: Cidr): boolean {
    if (argument.is === "address") return argument.cidr.split("/")[0] === address;
    const subnet = argument.is === "subnet" ? argument.cidr : ipam && cidrText(ipam.defaultSubnet);
    return subnet !== undefined && inSubnet(address, subnet);
  }

  function giveBack({ id }: Attachment, cidrs: readonly Cidr[]): void {
    for (const { address } of cidrs) {
      dns?.remove({ containerId: id, address });
      try {
        ipam?.release(id, address);
      } catch {
        // Never allocated by us: an address outside the range, say.
      }
    }
  }

  return {
    attach,
    detach,
    get count() {
      return all.size;
    },
    async list(references) {
      const ids = new Set(references);
      const rows = [...all.values()].filter(
        ({ id, hostname }) =>
          ids.size === 0 ||
          ids.has(id) ||
          [...ids].some((given) => id.startsWith(given) || hostname?.startsWith(`${given}.`)),
      );
      return rows.map(toRow);
    },
    async restore() {
      for (const saved of readSaved(await store.load(storeKey))) {
        if (!options.isAlive(saved.target)) {
          giveBack(saved, saved.cidrs);
          continue;
        }
        all.set(saved.id, saved);
        await plug(saved).catch((error: Error) =>
          logger.warn(`cannot repair the attachment of ${saved.id}: ${error.message}`),
        );
        register(saved);
      }
      await save();
    },
    async sweep() {
      const gone = [...all.values()].filter(({ hasEngine, target }) => !hasEngine && !options.isAlive(target));
      for (const attachment of gone) {
        logger.info(`${attachment.id} has ended`, { addresses: attachment.cidrs.map(cidrText) });
        giveBack(attachment, attachment.cidrs);
        all.delete(attachment.id);
      }
      if (gone.length > 0) await save();
    },
    async ended(id) {
      if (!all.delete(id)) return;
      dns?.remove({ containerId: id });
      await save();
    },
  };
}

function readArgument(text: string): AddressArgument {
  const argument = parseAddressArgument(text);
  if (!argument) throw new Error(`"${text}" is no address; expected [ip:]A.B.C.D/N, net:A.B.C.D/N or net:default`);
  return argument;
}

function readSaved(value: unknown): Attachment[] {
  return Array.isArray(value) ? (value as Attachment[]) : [];
}

/** The MAC is derived from the first address, so it can be said without looking (see host-links). */
function toRow({ id, cidrs, hostname }: Attachment): AttachmentRow {
  return { id, mac: macOf(cidrs[0]?.address), addresses: cidrs, ...(hostname && { hostname }) };
}

function macOf(address: string | undefined): string {
  return address === undefined ? "" : macOfAddress(`${address}/32`);
}

function inSubnet(address: string, subnet: string): boolean {
  const { address: network, prefixLength } = parseCidr(subnet);
  const number = (text: string) => text.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
  const size = 2 ** (32 - prefixLength);
  return Math.floor(number(address) / size) === Math.floor(number(network) / size);
}
