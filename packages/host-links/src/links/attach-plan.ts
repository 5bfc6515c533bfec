import { checkInterfaceName, macOfAddress, parseMac, readCidr, readIp } from "../address.ts";
import { LinksError } from "../errors.ts";
import { defaultPrefix } from "../names.ts";
import type { Step } from "../steps.ts";
import type { AttachmentSpec } from "../types.ts";
import { checkMtu } from "./checks.ts";
import { announceSteps, insideSteps } from "./inside-plan.ts";
import type { ObservedLink, ObservedRoute } from "./observed.ts";
import { aliasText, containerIfname, isPortName, portName, readAlias } from "./port-names.ts";
import { ip, sysctlName } from "./words.ts";

/** The interface of a namespace and the host's ports as they are. */
export interface ObservedAttachment {
  /** The port with the name that the attachment would get. */
  readonly port: ObservedLink | undefined;
  /** The interface in the namespace. */
  readonly inner: ObservedLink | undefined;
  /** The other end of `inner`, where it is on this host. @defaultValue `port` */
  readonly peer?: ObservedLink | undefined;
  /** Routes of the namespace. */
  readonly routes: readonly ObservedRoute[];
}

/** Where an attachment is carried out. */
export interface Place {
  /** Path of the namespace. */
  readonly netns: string;
  /** @defaultValue "weave" */
  readonly prefix?: string;
}

/** The pair that an attachment uses, once it is in place. */
export interface AttachedPair {
  /** Name of the host end; another attachment of the same namespace may have made it. */
  readonly port: string;
  readonly mac: string | undefined;
}

/** What of an observation can be kept, and what is in the way. */
interface Found {
  /** Both ends are there and ours. */
  readonly whole: boolean;
  readonly port: string;
  readonly leftovers: readonly Step[];
}

/**
 * What to change so that the namespace is attached as wanted. Order matters: settings and rules come before the inner end goes
 * up, without which the host end has no carrier; the multicast route comes last, because programs that wait for the network look
 * for it. Addresses of other attachments of the same namespace are kept.
 *
 * @throws LinksError LINKS_INVALID when a value cannot be used, LINKS_FOREIGN when an interface of that name is another program's
 */
export function planAttach(actual: ObservedAttachment, wanted: AttachmentSpec, place: Place): Step[] {
  checkAttachment(wanted);
  const found = recognise(actual, wanted, place);
  const { mac } = attachedPair(actual, wanted, place);
  const port = found.whole ? peerOf(actual) : undefined;
  const inside = {
    netns: place.netns,
    ifname: wanted.ifname ?? containerIfname,
    prefix: place.prefix ?? defaultPrefix,
  };
  const inner = found.whole ? actual.inner : undefined;
  return [
    ...found.leftovers,
    ...(found.whole ? [] : createSteps(wanted, found.port, { ...inside, mac })),
    ...portSteps(port, wanted, found.port),
    ...(found.whole ? [] : settingSteps(wanted, found.port, inside)),
    ...insideSteps({ inner, routes: actual.routes }, wanted, { ...inside, mac }),
    ...announceSteps({ inner, routes: actual.routes }, wanted, { ...inside, mac }, found.port),
  ];
}

/** The host end and MAC that {@link planAttach} leads to, known before it is carried out. */
export function attachedPair(actual: ObservedAttachment, wanted: AttachmentSpec, place: Place): AttachedPair {
  const { whole, port } = recognise(actual, wanted, place);
  const [first] = wanted.addresses;
  const planned = (wanted.mac ?? (first === undefined ? undefined : macOfAddress(first)))?.toLowerCase();
  const { inner } = actual;
  if (!whole || inner === undefined) return { port, mac: planned };
  // An interface that has addresses keeps its MAC, unless a MAC is asked for, or its MAC belongs to an address that is removed.
  const removed = wanted.exact ? inner.addresses.filter((cidr) => !wanted.addresses.includes(cidr)) : [];
  const stale = removed.some((cidr) => macOfAddress(cidr) === inner.mac);
  const changes = wanted.mac !== undefined || stale || inner.addresses.length === 0;
  return { port, mac: changes ? (planned ?? inner.mac) : inner.mac };
}

function peerOf(actual: ObservedAttachment): ObservedLink | undefined {
  return "peer" in actual ? actual.peer : actual.port;
}

/** @throws LinksError LINKS_FOREIGN */
function recognise(actual: ObservedAttachment, wanted: AttachmentSpec, place: Place): Found {
  const { prefix = defaultPrefix, netns } = place;
  const ifname = wanted.ifname ?? containerIfname;
  const own = portName(wanted.id, ifname, prefix);
  const peer = peerOf(actual);
  const isOurs = (port: ObservedLink) => readAlias(port.alias, prefix)?.kind === "attachment";
  /** Weave Net's, or left by an attempt that was cut off before it could sign. */
  const isNameless = (port: ObservedLink) => port.alias === undefined && isPortName(port.ifname, prefix);
  if (actual.inner && peer && isOurs(peer)) return { whole: true, port: peer.ifname, leftovers: [] };
  if (actual.inner && !(peer && isNameless(peer)))
    throw new LinksError(
      "LINKS_FOREIGN",
      `${ifname} in ${netns} belongs to another program; attach under another interface name, or remove it`,
    );
  if (actual.port && !isOurs(actual.port) && !isNameless(actual.port))
    throw new LinksError("LINKS_FOREIGN", `${own} belongs to another program; choose another prefix`);
  const stale = new Set([actual.port, actual.inner && peer].flatMap((port) => (port ? [port.ifname] : [])));
  return { whole: false, port: own, leftovers: [...stale].map((name) => ip("link", "delete", "dev", name)) };
}

interface Inside {
  readonly netns: string;
  readonly ifname: string;
  readonly prefix: string;
}

function createSteps(wanted: AttachmentSpec, port: string, inside: Inside & { mac: string | undefined }): Step[] {
  const { netns, ifname, prefix, mac } = inside;
  const mtu = wanted.mtu === undefined ? [] : ["mtu", `${wanted.mtu}`];
  const address = mac === undefined ? [] : ["address", mac];
  const alias = aliasText({ kind: "attachment", id: wanted.id, addresses: [] }, prefix);
  return [
    ip("link", "add", port, ...mtu, "type", "veth", "peer", "name", ifname, "netns", netns, ...mtu, ...address),
    ip("link", "set", "dev", port, "alias", alias),
  ];
}

function portSteps(actual: ObservedLink | undefined, wanted: AttachmentSpec, port: string): Step[] {
  const steps: Step[] = [];
  if (actual?.master !== wanted.bridge) steps.push(ip("link", "set", "dev", port, "master", wanted.bridge));
  if ((actual?.hairpin ?? false) !== (wanted.hairpin ?? false))
    steps.push(ip("link", "set", "dev", port, "type", "bridge_slave", "hairpin", wanted.hairpin ? "on" : "off"));
  if (wanted.mtu !== undefined && actual && actual.mtu !== wanted.mtu)
    steps.push(ip("link", "set", "dev", port, "mtu", `${wanted.mtu}`));
  if (!actual?.up) steps.push(ip("link", "set", "dev", port, "up"));
  return steps;
}

/** Settings of a new pair. */
function settingSteps(wanted: AttachmentSpec, port: string, { netns, ifname }: Inside): Step[] {
  const steps: Step[] = [
    { do: "sysctl", settings: { [`net.ipv6.conf.${sysctlName(port)}.accept_ra`]: "0" } },
    { do: "sysctl", netns, settings: { ...innerSettings(ifname), ...neighbourSettings(ifname) } },
  ];
  if (wanted.txChecksum === false) steps.push({ do: "ethtool", netns, words: ["-K", ifname, "tx", "off"] });
  return steps;
}

function innerSettings(ifname: string): Record<string, string> {
  const name = sysctlName(ifname);
  return { [`net.ipv4.conf.${name}.arp_notify`]: "1", [`net.ipv6.conf.${name}.accept_ra`]: "0" };
}

/** Neighbours are asked again soon, so that an address that moved is found at once; see also {@link macOfAddress}. */
function neighbourSettings(ifname: string): Record<string, string> {
  const name = sysctlName(ifname);
  return {
    [`net.ipv4.neigh.${name}.base_reachable_time_ms`]: "5000",
    [`net.ipv4.neigh.${name}.delay_first_probe_time`]: "2",
    [`net.ipv4.neigh.${name}.ucast_solicit`]: "1",
  };
}

/** The neighbour settings of an attachment for interfaces that an engine put into a namespace. */
export function planNeighbours(netns: string, ifnames: readonly string[]): Step[] {
  return ifnames.map((ifname) => ({ do: "sysctl", netns, settings: neighbourSettings(ifname) }));
}

function checkAttachment(wanted: AttachmentSpec): void {
  checkInterfaceName(wanted.ifname ?? containerIfname);
  checkInterfaceName(wanted.bridge);
  checkMtu(wanted.mtu);
  if (wanted.mac !== undefined) parseMac(wanted.mac);
  for (const cidr of wanted.addresses) readCidr(cidr);
  for (const route of wanted.routes ?? []) {
    if (route.to !== "default") readCidr(route.to);
    if (route.via !== undefined) readIp(route.via);
  }
  for (const source of wanted.allowSources ?? []) readCidr(source);
  if (!/^[\w.:@-]{1,200}$/.test(wanted.id))
    throw new LinksError(
      "LINKS_INVALID",
      `"${wanted.id}" is not a valid id; expected up to 200 letters, digits, . : @ _ -`,
    );
}
