import type { Command } from "commander";
import { addressArgumentText, splitAddressArguments } from "../../values/address-argument.ts";
import { WeavedError } from "../../values/error.ts";
import { type Context, show } from "../context.ts";

interface AttachOptions {
  readonly withoutDns?: boolean;
  readonly rewriteHosts?: boolean;
  readonly multicastRoute?: boolean;
  readonly allowSource: readonly string[];
  readonly allowDhcp?: boolean;
}

/** Gathers the values of an option that may be repeated. */
function collect(value: string, before: readonly string[]): string[] {
  return [...before, value];
}

/** Verbs about containers and this host: attach, detach, expose, hide. */
export function containerVerbs(program: Command, context: () => Context): void {
  program
    .command("attach")
    .description("attach a running container, a process (pid:1234) or a namespace (ns:name)")
    .argument("<words...>", "[ADDRESS...] CONTAINER")
    .option("--without-dns", "do not register its name")
    .option("--rewrite-hosts", "write its addresses and names to /etc/hosts")
    .option("--no-multicast-route", "no multicast route")
    .option("--allow-source <cidr>", "it may use these sources besides its addresses; may be repeated", collect, [])
    .option("--allow-dhcp", "it may serve DHCP and send router advertisements")
    .action(async (words: string[], options: AttachOptions) => {
      const { container, addresses } = containerAndAddresses(words);
      const json = {
        container,
        addresses,
        dns: !options.withoutDns,
        rewriteHosts: options.rewriteHosts ?? false,
        multicastRoute: options.multicastRoute ?? true,
        allowSources: options.allowSource,
        allowDhcp: options.allowDhcp ?? false,
      };
      printAddresses(context(), await context().client.call("POST", "/v1/attachments", { json }));
    });
  program
    .command("detach")
    .description("detach a container, or take some of its addresses away")
    .argument("<words...>", "[ADDRESS...] CONTAINER")
    .action(async (words: string[]) => {
      const { container, addresses } = containerAndAddresses(words);
      // As with the original, the default subnet is meant when no address is named.
      const meant = addresses.length > 0 ? addresses : ["net:default"];
      const form = [["container", container] as const, ...meant.map((address) => ["address", address] as const)];
      const body = await context().client.call("DELETE", "/v1/attachments", { form });
      if ((JSON.parse(body) as string[]).length === 0)
        throw new WeavedError("NOT_FOUND", `${container} has no such address; see weave ps ${container}`);
      printAddresses(context(), body);
    });
  program
    .command("expose")
    .description("give this host an address in the network, and the network a way out")
    .argument("[address...]")
    .option("-h, --hostname <fqdn>", "register this name for the host")
    .option("--without-masquerade", "leave source addresses as they are")
    .helpOption("--help")
    .action(async (words: string[], options: { hostname?: string; withoutMasquerade?: boolean }) => {
      const json = {
        addresses: onlyAddresses(words),
        masquerade: !options.withoutMasquerade,
        ...(options.hostname && { hostname: options.hostname }),
      };
      printAddresses(context(), await context().client.call("POST", "/v1/exposures", { json }));
    });
  program
    .command("hide")
    .description("take the host's address in the network away")
    .argument("[address...]")
    .action(async (words: string[]) => {
      const form = onlyAddresses(words).map((address) => ["address", address] as const);
      printAddresses(context(), await context().client.call("DELETE", "/v1/exposures", { form }));
    });
}

/** Bare addresses on one line, as the original prints them. */
function printAddresses(context: Context, body: string): void {
  const cidrs = JSON.parse(body) as string[];
  show(context, cidrs, (list) => (list.length === 0 ? "" : `${list.map((cidr) => cidr.split("/")[0]).join(" ")}\n`));
}

function containerAndAddresses(words: readonly string[]): { container: string; addresses: string[] } {
  const { addresses, rest } = splitAddressArguments(words);
  const [container, extra] = rest;
  if (container === undefined) throw new WeavedError("ARGUMENT_INVALID", "name a container, pid:PID or ns:NAME");
  if (extra !== undefined)
    throw new WeavedError(
      "ARGUMENT_INVALID",
      `"${extra}" is neither an address (ip:, net:, net:default) nor expected here`,
    );
  return { container, addresses: addresses.map(addressArgumentText) };
}

function onlyAddresses(words: readonly string[]): string[] {
  const { addresses, rest } = splitAddressArguments(words);
  if (rest[0] !== undefined)
    throw new WeavedError(
      "ARGUMENT_INVALID",
      `"${rest[0]}" is not a valid address; expected [ip:]A.B.C.D/N, net:A.B.C.D/N, or net:default`,
    );
  return addresses.map(addressArgumentText);
}
