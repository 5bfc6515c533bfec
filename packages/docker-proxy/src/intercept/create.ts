import { deriveHostname, type HostnameRules, type Verdict } from "../attach/rules.ts";
import type { Engine } from "../engine/engine.ts";
import type { Logger } from "../ports.ts";
import { type JsonObject, listField, objectField, setField, textField } from "./docker-json.ts";

/** Where the init shim is inside a container. */
export const shimPath = "/w/w";
const shimMount = "/w";
/** Docker's limit for host and domain name together. */
const maxHostname = 64;

/** What a container is given on its creation. */
export interface CreateOptions {
  /** Folder on the host with the init shim. */
  readonly shimFolder: string;
  readonly hostname: HostnameRules;
  /** Undefined: containers do not use this DNS server. */
  readonly dns: { readonly domain: string; address(): Promise<string | undefined> } | undefined;
  /** Is a word of `WEAVE_CIDR` an address, or a subnet to take one from? */
  isAddress(word: string): boolean;
  readonly image: Engine["image"];
  readonly logger: Logger;
}

/**
 * Changes the request in place: init shim before the entrypoint, host name, resolver. False when Docker shall judge it as it
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
  // A wrong address is better refused before the container exists.
  const bad = verdict.addresses.find((word) => !options.isAddress(word));
  if (bad !== undefined)
    throw new RangeError(`WEAVE_CIDR: "${bad}" is no address; expected [ip:]A.B.C.D/N, net:A.B.C.D/N or net:default`);
  if (!(await shimFirst(config, options.image))) return false;
  const hostConfig = objectField(config, "HostConfig");
  bindShim(hostConfig, options.shimFolder);
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

/** Puts the init shim before whatever the container starts, which may be the image's to say. */
async function shimFirst(config: JsonObject, image: Engine["image"]): Promise<boolean> {
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
  if (entrypoint[0] !== shimPath) entrypoint = [shimPath, ...entrypoint];
  setField(config, "Entrypoint", entrypoint);
  setField(config, "Cmd", cmd);
  return true;
}

/** Mounts the folder with the init shim, read-only, in the place of whatever else was to be there. */
export function bindShim(hostConfig: JsonObject, folder: string): void {
  const others = (listField(hostConfig, "Binds") ?? []).filter((bind) => bind.split(":")[1] !== shimMount);
  setField(hostConfig, "Binds", [...others, `${folder}:${shimMount}:ro`]);
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
