import type { Client, RequestOptions } from "../client/client.ts";
import { WeavedError } from "../values/error.ts";
import { type CniConfig, type CniResult, type CniRoute, readConfig, supportedVersions } from "./config.ts";
import { CniError } from "./error.ts";

/** What the runtime says and what the plugin works with. */
export interface CniCall {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: string;
  /** The daemon, at the address of the configuration if it names one. */
  client(address: string | undefined): Client;
  /** Runs another plugin of `CNI_PATH` with the same input; what it prints. */
  delegate(type: string, command: string): Promise<string>;
  /** Addresses of an interface in a namespace; undefined if there is none. */
  inspect(netns: string, ifname: string): Promise<readonly string[] | undefined>;
}

/** Carries one call out; the text for standard output. @throws CniError */
export async function runCni(call: CniCall): Promise<string> {
  const command = call.env.CNI_COMMAND ?? "";
  if (command === "VERSION") return JSON.stringify({ cniVersion: versionOf(call.stdin), supportedVersions });
  const config = readConfig(call.stdin);
  const client = call.client(config.controlSocket);
  switch (command) {
    case "ADD":
      return JSON.stringify(await add(call, config, client));
    case "DEL":
      await remove(call, config, client);
      return "";
    case "CHECK":
      await check(call, config, client);
      return "";
    default:
      throw new CniError(4, `CNI_COMMAND: expected ADD, DEL, CHECK or VERSION, not "${command}"`);
  }
}

function versionOf(stdin: string): string {
  try {
    const { cniVersion } = JSON.parse(stdin) as { cniVersion?: unknown };
    if (typeof cniVersion === "string" && supportedVersions.includes(cniVersion)) return cniVersion;
  } catch {
    // The version may be asked for without a word about a network.
  }
  return "1.0.0";
}

interface Place {
  /** Under which the daemon files the attachment: the container's id, with the interface's name unless it is the usual one. */
  readonly id: string;
  readonly ifname: string;
  readonly netns: string;
}

function placeOf(env: CniCall["env"], needsNetns: boolean): Place {
  const need = (name: string) => {
    const value = env[name];
    if (!value) throw new CniError(4, `${name} is missing`);
    return value;
  };
  const container = need("CNI_CONTAINERID");
  const ifname = need("CNI_IFNAME");
  if (!/^[A-Za-z0-9][\w.-]*$/.test(container))
    throw new CniError(4, `CNI_CONTAINERID: "${container}" is no container id`);
  const id = ifname === "eth0" ? container : `${container}.${ifname}`;
  return { id, ifname, netns: needsNetns ? need("CNI_NETNS") : (env.CNI_NETNS ?? "") };
}

async function add(call: CniCall, config: CniConfig, client: Client): Promise<object> {
  const { id, ifname, netns } = placeOf(call.env, true);
  const { ipam } = config;
  const foreign = ipam.type === "" ? undefined : await foreignAddress(call, ipam.type);
  const gateway =
    ipam.gateway ??
    foreign?.gateway ??
    (ipam.routes || foreign?.routes ? undefined : await bridgeAddress(client, ipam.subnet));
  const routes = ipam.routes ?? foreign?.routes ?? [{ dst: "0.0.0.0/0" }];
  const wanted = foreign ? `ip:${foreign.address}` : ipam.subnet ? `net:${ipam.subnet}` : "net:default";
  const json = {
    ...{ id, ifname, container: `path:${netns}`, addresses: [wanted] },
    ...{ dns: false, multicastRoute: false, hairpin: config.hairpinMode },
    routes: routes.map((route) => toRoute(route, gateway)),
  };
  try {
    const [address] = JSON.parse(await ask(client, "POST", "/v1/attachments", { json })) as string[];
    const [row] = await rows(client, id);
    return resultOf(config, { ifname, netns, mac: row?.mac ?? "", address: address!, gateway, routes });
  } catch (error) {
    if (foreign) await call.delegate(ipam.type, "DEL").catch(() => {});
    throw error;
  }
}

function toRoute({ dst, gw }: CniRoute, gateway: string | undefined): { to: string; via?: string } {
  const via = gw ?? gateway;
  return { to: dst === "0.0.0.0/0" ? "default" : dst, ...(via !== undefined && { via }) };
}

/** The host's address in the subnet, given now if it has none: containers leave the network through it. */
async function bridgeAddress(client: Client, subnet: string | undefined): Promise<string> {
  // What an operator exposed, perhaps without masquerade, is not ours to change.
  const json = { addresses: [subnet ? `net:${subnet}` : "net:default"], keep: true };
  const [cidr] = JSON.parse(await ask(client, "POST", "/v1/exposures", { json })) as string[];
  return cidr!.split("/")[0]!;
}

async function foreignAddress(
  call: CniCall,
  type: string,
): Promise<{ address: string; gateway?: string; routes?: readonly CniRoute[] }> {
  const result = JSON.parse(await call.delegate(type, "ADD")) as CniResult & {
    ip4?: { ip: string; gateway?: string; routes?: CniRoute[] };
  };
  const first = result.ips?.[0] ?? (result.ip4 && { address: result.ip4.ip, ...result.ip4 });
  if (!first) throw new CniError(7, `the address plugin ${type} gave no address`);
  const routes = result.routes ?? result.ip4?.routes;
  return {
    address: first.address,
    ...(first.gateway && { gateway: first.gateway }),
    ...(routes && routes.length > 0 && { routes }),
  };
}

/** Succeeds when there is nothing (any more) to remove. */
async function remove(call: CniCall, config: CniConfig, client: Client): Promise<void> {
  const { id } = placeOf(call.env, false);
  if ((await rows(client, id)).length > 0)
    await ask(client, "DELETE", "/v1/attachments", { form: [["container", id]] });
  if (config.ipam.type !== "") await call.delegate(config.ipam.type, "DEL");
}

async function check(call: CniCall, config: CniConfig, client: Client): Promise<void> {
  const { id, ifname, netns } = placeOf(call.env, true);
  const [row] = await rows(client, id);
  if (!row) throw new CniError(3, `${id} is not attached`);
  const expected = config.prevResult?.ips?.map(({ address }) => address) ?? row.addresses;
  const there = await call.inspect(netns, ifname);
  if (!there) throw new CniError(101, `there is no interface ${ifname} in ${netns}`);
  const missing = expected.filter((address) => !there.includes(address) || !row.addresses.includes(address));
  if (missing.length > 0)
    throw new CniError(101, `${ifname} lacks ${missing.join(", ")}`, `it has ${there.join(", ")}`);
}

interface Row {
  readonly id: string;
  readonly mac: string;
  readonly addresses: readonly string[];
}

async function rows(client: Client, id: string): Promise<Row[]> {
  const body = await ask(client, "GET", "/v1/attachments", { form: [["container", id]] });
  return (JSON.parse(body) as Row[]).filter((row) => row.id === id);
}

async function ask(client: Client, method: string, path: string, options: RequestOptions): Promise<string> {
  try {
    const { status, body } = await client.send(method, path, options);
    if (status >= 200 && status < 300) return body;
    throw new CniError(100, body.trim() || `the daemon answered ${status} to ${method} ${path}`);
  } catch (error) {
    if (!(error instanceof WeavedError && error.code === "DAEMON_UNREACHABLE")) throw error;
    // It may be starting: the runtime tries again.
    throw new CniError(11, error.message);
  }
}

interface Made extends Omit<Place, "id"> {
  readonly mac: string;
  readonly address: string;
  readonly gateway: string | undefined;
  readonly routes: readonly CniRoute[];
}

/** The result in the form of the version that was asked for. */
function resultOf({ cniVersion, dns }: CniConfig, { ifname, netns, mac, address, gateway, routes }: Made): object {
  const via = gateway === undefined ? {} : { gateway };
  const complete = routes.map(({ dst, gw }) => ({ dst, ...((gw ?? gateway) && { gw: gw ?? gateway }) }));
  if (cniVersion < "0.3") return { cniVersion, ip4: { ip: address, ...via, routes: complete }, dns };
  const family = cniVersion < "1.0" ? { version: "4" } : {};
  return {
    cniVersion,
    interfaces: [{ name: ifname, mac, sandbox: netns }],
    ips: [{ ...family, address, ...via, interface: 0 }],
    routes: complete,
    dns,
  };
}
