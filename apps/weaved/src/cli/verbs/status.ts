import type { Command } from "commander";
import { type FirewallView, firewallText } from "../../diagnostics/firewall.ts";
import { linksTable, overview } from "../../diagnostics/overview.ts";
import { WeavedError } from "../../values/error.ts";
import { printableText } from "../../values/printable.ts";
import { type Context, show } from "../context.ts";

/** Sub-reports of `status` in the original's words; `links` and `overview` are ours. */
const subReports = ["targets", "connections", "peers", "dns", "ipam"];

/** Verbs that only look: status, report, ps, explain. */
export function statusVerbs(program: Command, context: () => Context): void {
  program
    .command("status")
    .description("what this host's peer is doing; overview and links are easier on the eye")
    .argument("[part]", [...subReports, "links", "overview", "firewall"].join(" | "))
    .action((part: string | undefined) => status(context(), part));
  program
    .command("report")
    .description("everything as JSON, or through a template in Go's language")
    .option("-f, --format <template>", "such as '{{.Router.Name}}'")
    .action((options: { format?: string }) => report(context(), options.format));
  program
    .command("ps")
    .description("attached containers: id, MAC address, addresses")
    .argument("[container...]")
    .action((containers: string[]) => list(context(), containers));
  program
    .command("explain")
    .description("which way a packet would take, and what is in its way")
    .argument("<from>", "container, name, or address")
    .argument("<to>", "container, name, or address")
    .action(async (from: string, to: string) => {
      const body = await context().client.call("GET", "/v1/explain", {
        form: [
          ["from", from],
          ["to", to],
        ],
      });
      show(context(), JSON.parse(body) as { steps: string[] }, ({ steps }) =>
        steps.map((step) => `${step}\n`).join(""),
      );
    });
}

async function status(context: Context, part: string | undefined): Promise<void> {
  if (part === "firewall") {
    const view = JSON.parse(await context.client.call("GET", "/v1/firewall")) as FirewallView;
    return show(context, view, firewallText);
  }
  if (part === "links" || part === "overview" || context.json) return structured(context, part);
  if (part !== undefined && !subReports.includes(part)) {
    throw new WeavedError(
      "ARGUMENT_INVALID",
      `there is no status "${part}"; choose one of ${subReports.join(", ")}, links, overview, firewall`,
    );
  }
  const { status: code, body } = await context.client.send("GET", part ? `/status/${part}` : "/status");
  if (code === 404)
    throw new WeavedError(
      "NOT_FOUND",
      `status ${part ?? ""} is not available; that part of the daemon is switched off`,
      { exitCode: 4 },
    );
  const shown = printableText(body);
  context.print(part ? shown : `\n${shown}\n`);
  if (code >= 400) throw new WeavedError("NOT_READY", "the daemon is starting; try again in a moment");
}

async function structured(context: Context, part: string | undefined): Promise<void> {
  if (part !== undefined && part !== "links" && part !== "overview") {
    context.print(await reportPart(context, part));
    return;
  }
  const body = await context.client.call("GET", "/v1/overview");
  const value = JSON.parse(body) as Parameters<typeof overview>[0];
  if (part === "links") show(context, value.links, linksTable);
  else show(context, value, overview);
}

async function reportPart(context: Context, part: string): Promise<string> {
  const fields: Readonly<Record<string, string>> = {
    targets: ".Router.Targets",
    connections: ".Router.Connections",
    peers: ".Router.Peers",
    dns: ".DNS.Entries",
    ipam: ".IPAM.Entries",
  };
  const field = fields[part];
  if (!field) throw new WeavedError("ARGUMENT_INVALID", `there is no status "${part}"`);
  return `${await context.client.call("GET", "/report", { form: [["format", `{{json ${field}}}`]] })}\n`;
}

async function report(context: Context, format: string | undefined): Promise<void> {
  const options = format === undefined ? { accept: "application/json" } : { form: [["format", format] as const] };
  context.print(printableText(await context.client.call("GET", "/report", options)));
}

async function list(context: Context, containers: readonly string[]): Promise<void> {
  const form = containers.map((container) => ["container", container] as const);
  const rows = JSON.parse(await context.client.call("GET", "/v1/attachments", { form })) as {
    id: string;
    mac: string;
    addresses: string[];
  }[];
  show(context, rows, (all) =>
    all.map(({ id, mac, addresses }) => `${[shortId(id), mac, ...addresses].join(" ")}\n`).join(""),
  );
}

/** The first twelve characters of a container id; other ids as they are. */
function shortId(id: string): string {
  return /^[0-9a-f]{64}$/.test(id) ? id.slice(0, 12) : id;
}
