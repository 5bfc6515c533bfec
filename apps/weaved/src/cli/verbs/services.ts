import type { Command } from "commander";
import { table } from "../../diagnostics/overview.ts";
import { type Context, show } from "../context.ts";

/** One rule that lets services in or out of the network. */
export interface ServiceRule {
  readonly kind: "export" | "import" | "bind";
  readonly name: string;
  readonly protocol: "tcp" | "udp";
  /** PORT or ADDRESS:PORT. */
  readonly listen: string;
  readonly target: string;
}

const forms = {
  export: "let the outside reach a service in the network through a port of this host",
  import: "let containers reach an outside service through this host's address in the network",
  bind: "let containers reach an address of the network that another service really answers",
} as const;

/** Verbs export, import, bind: the documented firewall recipes as one reversible command each. */
export function serviceVerbs(program: Command, context: () => Context): void {
  const service = program.command("service").description("services in and out of the network through this host");
  for (const [kind, description] of Object.entries(forms)) {
    service
      .command(kind)
      .description(description)
      .argument("<port>", "PORT[/udp] to listen on, or ADDRESS:PORT[/udp]")
      .argument("<target>", "ADDRESS:PORT that answers")
      .action(async (port: string, target: string) => {
        await context().client.call("POST", "/v1/services", { json: { kind, listen: port, target } });
      });
  }
  service
    .command("remove")
    .description("take a rule away")
    .argument("<name>", "as listed")
    .action(async (name: string) => {
      await context().client.call("DELETE", "/v1/services", { form: [["name", name]] });
    });
  service
    .command("list", { isDefault: true })
    .description("the rules that are in force")
    .action(async () => {
      const rules = JSON.parse(await context().client.call("GET", "/v1/services")) as ServiceRule[];
      show(context(), rules, (all) =>
        table(
          ["NAME", "KIND", "LISTENS", "ANSWERS"],
          all.map((rule) => [rule.name, rule.kind, `${rule.listen}/${rule.protocol}`, rule.target]),
        ),
      );
    });
}
