import type { AttachmentSpec, Target } from "@weaved/host-links";
import type { Store } from "@weaved/state-store";
import type { AttachmentsPort, AttachRequest, DnsPort, IpamPort } from "../http/ports.ts";
import type { Logger } from "../logging.ts";
import type { Cidr } from "../values/cidr.ts";
import { cidrText } from "../values/cidr.ts";
import { createAddresses } from "./addresses.ts";
import { rewriteHosts } from "./hosts-file.ts";
import { type Attachment, readSaved, toRow } from "./record.ts";
import { type Attachable, type FindContainer, resolveReference } from "./reference.ts";
import { joinRights, rights } from "./rights.ts";

/** What moves interfaces; `@weaved/host-links/node` offers it. */
export interface Links {
  attach(spec: AttachmentSpec): Promise<unknown>;
  /** Takes the named addresses away; all, and the interface, when none are named. Without target only our end is cleaned up. */
  detach(what: {
    readonly id: string;
    readonly target?: Target;
    readonly ifname?: string;
    readonly addresses?: readonly string[];
  }): Promise<unknown>;
}

/** What attaching needs. */
export interface AttachmentsOptions {
  readonly links: Links;
  readonly bridge: string;
  readonly mtu: number;
  readonly ipam: IpamPort | undefined;
  readonly dns: DnsPort | undefined;
  readonly find: FindContainer | undefined;
  /** Is the namespace still there? */
  readonly isAlive: (target: Target) => boolean;
  readonly store: Pick<Store, "load" | "save">;
  readonly logger: Logger;
  /** No multicast route and no other address than allocated ones, as in VPC mode. */
  readonly vpc: boolean;
}

const storeKey = "attachments";
/** Attachments taken up at once: each is a few processes that mostly wait. */
const restoreWidth = 4;

/** Attached namespaces of this host, kept over restarts. */
export interface Attachments extends AttachmentsPort {
  /** Takes up what was attached before a restart: what is still alive is repaired, what is gone is given back. */
  restore(): Promise<void>;
  /** Gives back what belongs to namespaces that are gone and that nobody tells us of. */
  sweep(): Promise<void>;
  /** A container has ended; its names go, its addresses are remembered for when it returns. */
  ended(id: string): Promise<void>;
  /** A container runs (again): what it had is put in place, if it had anything. */
  returned(what: Attachable): Promise<void>;
  /** A container will not come back. */
  removed(id: string): Promise<void>;
  /** Ids of the containers of the engine that are attached, or were and may return. */
  ofEngine(): string[];
  readonly count: number;
}

/** Makes the keeper of attachments. */
export function createAttachments(options: AttachmentsOptions): Attachments {
  const { links, dns, store, logger } = options;
  const addresses = createAddresses(options);
  /** Bounded by: attached namespaces of this host, and ended containers that the engine still has. */
  const all = new Map<string, Attachment>();
  const inOrder = createQueues();
  const save = () => store.save(storeKey, [...all.values()]);

  async function attach(request: AttachRequest): Promise<Cidr[]> {
    const found = await resolveReference(request.container, options.find);
    const what = request.id === undefined ? found : { ...found, id: request.id, keeper: "maker" as const };
    return inOrder(what.id, async (signal) => {
      const asked = rights(request.allowSources ?? [], request.allowDhcp ?? false);
      const before = await comeBack(what, signal);
      const allowed = joinRights(what.rights ?? {}, joinRights(before?.rights ?? {}, asked));
      const got = await addresses.obtain(what, request.addresses, signal);
      const known = new Map([...(before?.cidrs ?? []), ...got].map((cidr) => [cidr.address, cidr]));
      const hostname = request.dns ? what.hostname : undefined;
      const { ifname, hairpin, routes, rewriteHosts: hosts } = request;
      const attachment: Attachment = {
        ...before,
        ...{ id: what.id, target: what.target, keeper: what.keeper, cidrs: [...known.values()] },
        multicastRoute: request.multicastRoute && !options.vpc,
        ...(hostname && { hostname }),
        ...(hosts && { hosts }),
        ...(ifname && { ifname }),
        ...(hairpin && { hairpin }),
        ...(routes && { routes }),
        ...(Object.keys(allowed).length > 0 && { rights: allowed }),
      };
      if (hosts) await writeHosts(what, attachment.cidrs);
      const added = got.filter(({ address }) => !before?.cidrs.some((cidr) => cidr.address === address));
      await plugOr(attachment, () => addresses.giveBack(what.id, added));
      return got;
    });
  }

  /** Names come first and the interface last: who waits for the interface finds everything else in place. */
  async function plugOr(attachment: Attachment, undo: () => void): Promise<void> {
    register(attachment);
    try {
      await plug(attachment);
    } catch (error) {
      undo();
      throw error;
    }
    all.set(attachment.id, attachment);
    await save();
  }

  /** What the container has; of an ended one, what it gets again. */
  async function comeBack(what: Attachable, signal: AbortSignal): Promise<Attachment | undefined> {
    const before = all.get(what.id);
    if (!before?.ended) return before;
    const { ended: _, ...rest } = before;
    const cidrs = await addresses.regain(before, signal).catch((error: Error) => {
      logger.warn(`${what.id} does not get its addresses again: ${error.message}`, { code: "ATTACH_REGAIN" });
      return [];
    });
    return { ...rest, target: what.target, cidrs };
  }

  async function writeHosts({ id, hostname, hostsFile }: Attachable, cidrs: readonly Cidr[]): Promise<void> {
    if (!hostsFile?.path) return;
    const entries = { hostname: hostname ?? id.slice(0, 12), addresses: cidrs.map((cidr) => cidr.address) };
    // The file as the engine made it is good enough for most programs.
    await rewriteHosts(hostsFile.path, { ...entries, extra: hostsFile.extra }).catch((error: Error) =>
      logger.warn(`cannot rewrite /etc/hosts of ${id}: ${error.message}`, { code: "ATTACH_HOSTS" }),
    );
  }

  async function plug({ id, target, cidrs, multicastRoute, ...more }: Attachment): Promise<void> {
    const { ifname, hairpin, routes } = more;
    const spec: AttachmentSpec = {
      ...{ id, target, multicastRoute, bridge: options.bridge, mtu: options.mtu, addresses: cidrs.map(cidrText) },
      ...(ifname && { ifname }),
      ...(hairpin && { hairpin }),
      ...(routes && { routes }),
      ...more.rights,
    };
    // The end of a namespace is carried out in the background: links of an earlier one may vanish under our hands.
    await links.attach(spec).catch(() => links.attach(spec));
  }

  function register({ id, hostname, cidrs }: Attachment): void {
    if (hostname) for (const { address } of cidrs) dns?.add(hostname, id, address);
  }

  async function detach(reference: string, texts: readonly string[]): Promise<Cidr[]> {
    const id = all.has(reference) ? reference : (await resolveReference(reference, options.find)).id;
    return inOrder(id, async () => {
      const attachment = all.get(id);
      if (!attachment) return [];
      const { target, ifname, cidrs } = attachment;
      const taken =
        texts.length > 0 ? cidrs.filter((cidr) => texts.some((text) => addresses.matches(text, cidr))) : cidrs;
      if (taken.length === 0) return [];
      const left = cidrs.filter((cidr) => !taken.includes(cidr));
      const what = { id, target, ...(ifname && { ifname }) };
      await links.detach({ ...what, ...(left.length > 0 && { addresses: taken.map(cidrText) }) });
      addresses.giveBack(id, taken);
      if (left.length > 0) all.set(id, { ...attachment, cidrs: left });
      else all.delete(id);
      await save();
      return [...taken];
    });
  }

  async function restoreOne(saved: Attachment): Promise<void> {
    const { id, keeper, target } = saved;
    // Whether containers still run, and under which process, the engine will tell; a process id may be another's by now.
    const toldLater = keeper === "engine" && options.find !== undefined;
    const alive = !toldLater && options.isAlive(target);
    if (!alive && !toldLater && keeper !== "maker") return addresses.giveBack(id, saved.cidrs);
    all.set(id, saved);
    if (!alive) return;
    register(saved);
    await plug(saved).catch((error: Error) =>
      logger.warn(`cannot repair the attachment of ${id}: ${error.message}`, { code: "ATTACH_REPAIR" }),
    );
  }

  return {
    attach,
    detach,
    get count() {
      return [...all.values()].filter(({ ended }) => !ended).length;
    },
    async list(references) {
      const rows = [...all.values()].filter(({ ended }) => !ended);
      if (references.length === 0) return rows.map(toRow);
      const ids = await Promise.all(
        references.map(async (given) =>
          all.has(given) ? given : ((await options.find?.(given).catch(() => undefined))?.id ?? given),
        ),
      );
      return rows.filter(({ id }) => ids.some((given) => id === given || id.startsWith(given))).map(toRow);
    },
    async restore() {
      await eachOf(readSaved(await store.load(storeKey)), restoreWidth, restoreOne);
      await save();
    },
    async sweep() {
      const gone = [...all.values()].filter(({ keeper, target }) => keeper === "namespace" && !options.isAlive(target));
      for (const { id, cidrs } of gone) {
        logger.info(`${id} has ended`, { addresses: cidrs.map(cidrText) });
        addresses.giveBack(id, cidrs);
        all.delete(id);
      }
      if (gone.length > 0) await save();
    },
    ended(id) {
      inOrder.abort(id);
      return inOrder(id, async () => {
        const attachment = all.get(id);
        if (!attachment || attachment.ended) return;
        all.set(id, { ...attachment, ended: true });
        // Its links went with the namespace; this has them forgotten, before another process gets the same id.
        await links.detach({ id }).catch(() => {});
        await save();
      });
    },
    returned: (what) =>
      inOrder(what.id, async (signal) => {
        const before = all.get(what.id);
        const attachment = await comeBack(what, signal);
        if (!before || !attachment || attachment.cidrs.length === 0) return;
        if (before.ended && before.hosts) await writeHosts(what, attachment.cidrs);
        await plugOr({ ...attachment, target: what.target }, () => {});
        if (before.ended) logger.info(`${what.id.slice(0, 12)} is back`, { addresses: attachment.cidrs.map(cidrText) });
      }),
    removed(id) {
      inOrder.abort(id);
      return inOrder(id, async () => {
        if (!all.delete(id)) return;
        await links.detach({ id }).catch(() => {});
        await save();
      });
    },
    ofEngine: () => [...all.values()].filter(({ keeper }) => keeper === "engine").map(({ id }) => id),
  };
}

/** Runs what concerns one id one after the other: a start must not overtake the end before it. */
interface Queues {
  <T>(id: string, act: (signal: AbortSignal) => Promise<T>): Promise<T>;
  /** Ends the waiting of whatever runs or is queued for an id now. */
  abort(id: string): void;
}

function createQueues(): Queues {
  /** Bounded by: attachments being changed at this moment. */
  const tails = new Map<string, { readonly last: Promise<unknown>; readonly stop: AbortController }>();
  const queues = <T>(id: string, act: (signal: AbortSignal) => Promise<T>): Promise<T> => {
    const before = tails.get(id);
    const stop = before && !before.stop.signal.aborted ? before.stop : new AbortController();
    const result = (before?.last ?? Promise.resolve()).then(() => act(stop.signal));
    const tail = { last: result.catch(() => {}), stop };
    tails.set(id, tail);
    void tail.last.then(() => {
      if (tails.get(id) === tail) tails.delete(id);
    });
    return result;
  };
  return Object.assign(queues, { abort: (id: string) => tails.get(id)?.stop.abort() });
}

/** Acts for each item, for `width` of them at once. */
async function eachOf<T>(items: Iterable<T>, width: number, act: (item: T) => Promise<void>): Promise<void> {
  const rest = items[Symbol.iterator]();
  const lane = async () => {
    for (let next = rest.next(); !next.done; next = rest.next()) await act(next.value);
  };
  await Promise.all(Array.from({ length: width }, lane));
}
