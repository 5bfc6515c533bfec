import { Resolver } from "node:dns/promises";
import type { Command } from "commander";
import { WeavedError } from "../../values/error.ts";
import { type Context, show } from "../context.ts";

/** Names of things that are not containers are filed under this id, as the original does. */
const external = "weave:extern";

/** Verbs about names: dns-add, dns-remove, dns-lookup, dns-args. */
export function nameVerbs(program: Command, context: () => Context): void {
  for (const [verb, method, description] of [
    ["dns-add", "PUT", "give a container, or bare addresses, one more name"],
    ["dns-remove", "DELETE", "take a name away"],
  ] as const) {
    program
      .command(verb)
      .description(description)
      .argument("<words...>", "[ADDRESS...] CONTAINER [-h NAME], or ADDRESS... -h NAME")
      .option("-h, --hostname <fqdn>", "the name")
      .helpOption("--help")
      .action((words: string[], options: { hostname?: string }) =>
        changeNames(context(), method, words, options.hostname),
      );
  }
  program
    .command("dns-lookup")
    .description("resolve a name through the daemon's DNS server; one address per line")
    .argument("<name>")
    .action((name: string) => lookup(context(), name));
  program
    .command("dns-args")
    .description("print docker run arguments for using this DNS server")
    .action(async () => {
      const { client, print } = context();
      const [domain, address] = await Promise.all([client.send("GET", "/domain"), client.send("GET", "/dns-address")]);
      if (domain.status === 200) print(`--dns=${address.body} --dns-search=${domain.body}\n`);
    });
}

async function changeNames(
  context: Context,
  method: "PUT" | "DELETE",
  words: readonly string[],
  fqdn: string | undefined,
): Promise<void> {
  const addresses = words.filter(isAddress);
  const [container, ...more] = words.filter((word) => !isAddress(word));
  if (more.length > 0)
    throw new WeavedError("ARGUMENT_INVALID", `one container at a time; "${more[0]}" is one too many`);
  if (container === undefined && fqdn === undefined)
    throw new WeavedError("ARGUMENT_INVALID", "addresses without a container need -h NAME");
  const { id, attached, hostname } =
    container === undefined
      ? { id: external, attached: [], hostname: undefined }
      : await containerOf(context, container);
  const name = fqdn ?? hostname;
  if (name === undefined)
    throw new WeavedError("ARGUMENT_INVALID", `${container} has no name in the domain; give one with -h NAME`);
  const targets = addresses.length > 0 ? addresses : attached;
  for (const address of targets) {
    await context.client.call(method, `/name/${encodeURIComponent(id)}/${address}`, { form: [["fqdn", name]] });
  }
  // Removing without addresses removes whatever is registered, also what is no longer attached.
  if (method === "DELETE" && targets.length === 0)
    await context.client.call("DELETE", `/name/${encodeURIComponent(id)}`, { form: [["fqdn", name]] });
}

async function containerOf(
  context: Context,
  reference: string,
): Promise<{ id: string; attached: string[]; hostname?: string }> {
  const body = await context.client.call("GET", "/v1/attachments", { form: [["container", reference]] });
  const [found] = JSON.parse(body) as { id: string; addresses: string[]; hostname?: string }[];
  if (!found) throw new WeavedError("ARGUMENT_INVALID", `container ${reference} is not attached; see "weave ps"`);
  return {
    id: found.id,
    attached: found.addresses.map((cidr) => cidr.split("/")[0]!),
    ...(found.hostname && { hostname: found.hostname }),
  };
}

async function lookup(context: Context, name: string): Promise<void> {
  const server = await context.client.call("GET", "/dns-address-port");
  const domain = await context.client.call("GET", "/domain");
  const resolver = new Resolver({ timeout: 2000, tries: 2 });
  resolver.setServers([server.replace("0.0.0.0", "127.0.0.1")]);
  const full = name.includes(".") ? name : `${name}.${domain}`;
  const addresses = await resolver.resolve4(full).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOTFOUND" || error.code === "ENODATA") return [];
    throw new WeavedError("ARGUMENT_INVALID", `the DNS server at ${server} does not answer: ${error.code}`);
  });
  show(context, addresses, (list) => list.map((address) => `${address}\n`).join(""));
}

function isAddress(word: string): boolean {
  return /^\d{1,3}(?:\.\d{1,3}){3}$/.test(word);
}
