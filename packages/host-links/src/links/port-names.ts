import { defaultPrefix } from "../names.ts";

/** Name of the interface inside a namespace, as in Weave Net. */
export const containerIfname = "ethwe";

/** Weave Net's names of host ends begin so; other prefixes get names of their own. */
function hostEnd(prefix: string): string {
  return prefix === defaultPrefix ? "vethwepl" : `veth${prefix.slice(0, 4).padEnd(4, "0")}`;
}

/**
 * Name of the host end of an attachment, of 15 characters: the start says whose it is, the rest is derived from the id, the
 * inner name, and a prefix that is not the default. So the name is stable, and known before the interface is there.
 */
export function portName(id: string, ifname: string = containerIfname, prefix: string = defaultPrefix): string {
  const text = ifname === containerIfname ? id : `${id} ${ifname}`;
  return `${hostEnd(prefix)}${hash(prefix === defaultPrefix ? text : `${prefix} ${text}`)}`;
}

/** FNV-1a of 32 bits in seven characters: names must only be short, stable, and distinct on one host. */
function hash(text: string): string {
  let value = 0x811c9dc5;
  for (const char of text) value = Math.imul(value ^ char.codePointAt(0)!, 0x01000193) >>> 0;
  return value.toString(36).padStart(7, "0").slice(-7);
}

/** Whether a port without an alias has a name that {@link portName} or Weave Net gives. */
export function isPortName(port: string, prefix: string): boolean {
  return port.startsWith(hostEnd(prefix));
}

/** Both ends of an endpoint: a pair that an engine moves into its container by itself. Names as in Weave Net's plugin. */
export function endpointNames(id: string): { readonly host: string; readonly inner: string } {
  const part = id.slice(0, 9);
  return { host: `vethwl${part}`, inner: `vethwg${part}` };
}

/** What the kernel keeps with a host end, so that a new process finds it: whose it is, and the addresses of an endpoint. */
export interface Alias {
  readonly kind: "attachment" | "endpoint" | "bridge";
  readonly id: string;
  readonly addresses: readonly string[];
}

const separators = { attachment: ":", endpoint: "+", bridge: "=" } as const;

/** The alias as text, such as `weave:web-1`. */
export function aliasText({ kind, id, addresses }: Alias, prefix: string): string {
  return [`${prefix}${separators[kind]}${id}`, ...addresses].join(" ");
}

/** Reads {@link aliasText}; undefined for the alias of another program, and where there is none. */
export function readAlias(alias: string | undefined, prefix: string): Alias | undefined {
  for (const kind of ["attachment", "endpoint", "bridge"] as const) {
    const start = `${prefix}${separators[kind]}`;
    if (!alias?.startsWith(start)) continue;
    const [id = "", ...addresses] = alias.slice(start.length).split(" ");
    return { kind, id, addresses };
  }
  return undefined;
}
