import type { Engine } from "../docker/engine.ts";
import type { Logger } from "../logging.ts";
import { type JsonObject, listField, objectField, setField, textField } from "./docker-json.ts";
import { badAddress, deriveHostname, type HostnameRules, type Verdict } from "./rules.ts";

/** Where the wait program is inside a container. */
export const waitPath = "/w/w";
const waitMount = "/w";
/** Docker's limit for host and domain name together. */
const maxHostname = 64;

/** What a container is given on its creation. */
export interface CreateOptions {
  /** Folder on the host with the wait program. */
  readonly waitFolder: string;
  readonly hostname: HostnameRules;
  /** Undefined: containers do not use this DNS server. */
  readonly dns: { readonly domain: string; address(): Promise<string | undefined> } | undefined;
  readonly image: Engine["image"];
  readonly logger: Logger;
}

/**
 * Changes the request in place: wait program before the entrypoint, host name, resolver. False when Docker shall judge it as it
 * came: the image is not there, or there is no command.
 *
 * @throws WrongShape
 */
export async function prepareCreate(
  config: JsonObject,
  name: string,
  verdict: Verdict & { readonly attach: true },
  options: CreateOptions,
): Promise<boolean> {
  const bad = badAddress(verdict.addresses);
  if (bad !== undefined)
    throw new RangeError(`WEAVE_CIDR: "${bad}" is no address; expected [ip:]A.B.C.D/N, net:A.B.C.D/N or net:default`);
  if (!(await waitFirst(config, options.image))) return false;
  const hostConfig = objectField(config, "HostConfig");
  bindWaiter(hostConfig, options.waitFolder);
  if (!options.dns) return true;
  const domain = options.dns.domain.replace(/\.$/, "");
  const hostname = deriveHostname(name, objectField(config, "Labels"), options.hostname);
  if (hostname !== "" && textField(config, "Hostname") === "") {
    if (hostname.length + 1 + domain.length <= maxHostname) {
      setField(config, "Hostname", hostname);
      setField(config, "Domainname", domain);
    } else options.logger.warn(`${hostname} is too long to be a host name in ${domain}`, { code: "PROXY_HOSTNAME" });
  }
  await useResolver(hostConfig, hostname, options.dns);
  return true;
}

/** Puts the wait program before whatever the container starts, which may be the image's to say. */
async function waitFirst(config: JsonObject, image: Engine["image"]): Promise<boolean> {
  let entrypoint = listField(config, "Entrypoint");
  let cmd = listField(config, "Cmd") ?? [];
  // `--entrypoint ""` comes as a list with an empty word.
  const emptied = entrypoint?.length === 1 && entrypoint[0] === "";
  if (emptied) entrypoint = [];
  if (!entrypoint?.length && !emptied) {
    const found = await image(textField(config, "Image"));
    if (!found) return false;
    if (cmd.length === 0) cmd = [...found.cmd];
    entrypoint ??= [...found.entrypoint];
  }
  entrypoint ??= [];
  if (entrypoint.length + cmd.length === 0) return false;
  // An image committed from a container has it already.
  if (entrypoint[0] !== waitPath) entrypoint = [waitPath, ...entrypoint];
  setField(config, "Entrypoint", entrypoint);
  setField(config, "Cmd", cmd);
  return true;
}

/** Mounts the folder with the wait program, read-only, in the place of whatever else was to be there. */
export function bindWaiter(hostConfig: JsonObject, folder: string): void {
  const others = (listField(hostConfig, "Binds") ?? []).filter((bind) => bind.split(":")[1] !== waitMount);
  setField(hostConfig, "Binds", [...others, `${folder}:${waitMount}:ro`]);
}

/** Adds our server to the container's resolvers. Without a search list of its own it searches the domain, or, if it has a name there, nothing more. */
export async function useResolver(
  hostConfig: JsonObject,
  hostname: string,
  dns: NonNullable<CreateOptions["dns"]>,
): Promise<void> {
  const address = await dns.address();
  if (address === undefined) return;
  setField(hostConfig, "Dns", [...(listField(hostConfig, "Dns") ?? []), address]);
  if ((listField(hostConfig, "DnsSearch") ?? []).length > 0) return;
  setField(hostConfig, "DnsSearch", [hostname === "" ? dns.domain : "."]);
}
