import { CniError } from "./error.ts";

/** A route as CNI writes it. */
export interface CniRoute {
  readonly dst: string;
  readonly gw?: string;
}

/** Network configuration that the runtime sends on standard input. */
export interface CniConfig {
  readonly cniVersion: string;
  readonly name: string;
  /** Address of the daemon's control interface, if it is not where `weave launch` puts it. */
  readonly controlSocket?: string;
  /** Frames may come back through the port they left by: a service that balances to its own client needs it. */
  readonly hairpinMode: boolean;
  readonly ipam: {
    /** Another plugin that hands out addresses; empty: the network does. */
    readonly type: string;
    readonly subnet?: string;
    readonly gateway?: string;
    /** Undefined: a default route. */
    readonly routes?: readonly CniRoute[];
  };
  readonly dns: object;
  readonly prevResult?: CniResult;
}

/** Addresses in the network; the form of version 0.3 and later. */
export interface CniResult {
  readonly interfaces?: readonly { readonly name: string; readonly mac?: string; readonly sandbox?: string }[];
  readonly ips?: readonly { readonly address: string; readonly gateway?: string }[];
  readonly routes?: readonly CniRoute[];
}

/** Versions understood. Those before 0.3 have one address, in another form. */
export const supportedVersions: readonly string[] = ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0"];

/** Reads the configuration. @throws CniError */
export function readConfig(text: string): CniConfig {
  const given = readJson(text);
  const cniVersion = typeof given.cniVersion === "string" ? given.cniVersion : "0.1.0";
  if (!supportedVersions.includes(cniVersion))
    throw new CniError(1, `CNI version ${cniVersion} is not supported`, `supported: ${supportedVersions.join(", ")}`);
  for (const [key, what] of [
    ["isGateway", "a bridge that is the gateway by itself"],
    ["ipMasq", "masquerading here; weave expose does it"],
  ] as const)
    if (given[key] === true) throw new CniError(7, `"${key}" is not supported: there is no ${what}`);
  const ipam = objectOf(given.ipam, "ipam");
  return {
    cniVersion,
    name: textOf(given.name, "name") ?? "",
    hairpinMode: given.hairpinMode !== false,
    ipam: {
      type: textOf(ipam.type, "ipam.type") ?? "",
      ...optional("subnet", textOf(ipam.subnet, "ipam.subnet")),
      ...optional("gateway", textOf(ipam.gateway, "ipam.gateway")),
      ...(Array.isArray(ipam.routes) && { routes: ipam.routes.map(readRoute) }),
    },
    dns: objectOf(given.dns, "dns"),
    ...optional("controlSocket", textOf(given.controlSocket, "controlSocket")),
    ...(given.prevResult !== undefined && { prevResult: objectOf(given.prevResult, "prevResult") as CniResult }),
  };
}

function readJson(text: string): Record<string, unknown> {
  try {
    return objectOf(JSON.parse(text), "the configuration");
  } catch (error) {
    if (error instanceof CniError) throw error;
    throw new CniError(6, "the configuration on standard input is no JSON", (error as Error).message);
  }
}

function readRoute(value: unknown): CniRoute {
  const route = objectOf(value, "a route");
  const dst = textOf(route.dst, "dst");
  if (dst === undefined) throw new CniError(7, "a route without dst");
  return { dst, ...optional("gw", textOf(route.gw, "gw")) };
}

function objectOf(value: unknown, what: string): Record<string, unknown> {
  if (value === undefined || value === null) return {};
  if (typeof value !== "object" || Array.isArray(value)) throw new CniError(7, `${what}: expected an object`);
  return value as Record<string, unknown>;
}

function textOf(value: unknown, what: string): string | undefined {
  if (value === undefined || value === null || value === "") return undefined;
  if (typeof value !== "string") throw new CniError(7, `${what}: expected a string`);
  return value;
}

function optional<Key extends string>(key: Key, value: string | undefined): { readonly [K in Key]?: string } {
  return (value === undefined ? {} : { [key]: value }) as { readonly [K in Key]?: string };
}
