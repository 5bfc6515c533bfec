import { readFileSync } from "node:fs";
import { Command } from "commander";
import { tour } from "../demo/tour.ts";
import { NetlabError } from "../errors.ts";
import { createLab } from "../node/lab.ts";
import { sweep } from "../node/registry.ts";
import { installTools } from "../node/tools.ts";
import { rerunInUserNamespace } from "../node/userns.ts";
import { parseTopology } from "../yaml.ts";
import { demo } from "./demo.ts";
import { detach, down, enterLab, showLab, showLabs } from "./labs.ts";

/** Commands that make a lab need root, tools, and a clean slate. */
function prepare(): void {
  const advice = installTools(["iperf", "capture"]);
  if (advice !== undefined) throw new NetlabError("UNSUPPORTED", advice);
  const code = rerunInUserNamespace();
  if (code !== undefined) process.exit(code);
  for (const id of sweep()) console.error(`removed ${id}, whose owner had died`);
}

async function up(file: string, options: { detach?: boolean }): Promise<void> {
  const topology = parseTopology(readFileSync(file, "utf8"));
  if (options.detach) return detach(file);
  prepare();
  const lab = await createLab(topology);
  console.log(showLab(lab.id, lab.topology, lab.upMs));
  console.log(
    `\nnetlab exec ${lab.id} ${lab.topology.hosts[0]?.name} bash     Ctrl-C or netlab down ${lab.id} removes it`,
  );
  // The lab's signal handlers clear away; this only keeps the process alive.
  setInterval(() => {}, 2 ** 30);
}

const program = new Command("netlab")
  .description("Many hosts on one machine, from network namespaces.")
  .enablePositionalOptions()
  .showHelpAfterError();
program
  .command("up")
  .argument("<file>", "topology file, see examples/")
  .option("-d, --detach", "return when the lab is up; it stays until netlab down")
  .description("build a lab and keep it until Ctrl-C")
  .action(up);
program
  .command("exec")
  .argument("<lab>", "id or name")
  .argument("<place>", "host, host/container, or switches")
  .argument("<command...>", "what to run there")
  .passThroughOptions()
  .description("run a command in a host or container")
  .action((lab: string, place: string, command: string[]) => process.exit(enterLab(lab, place, command)));
program.command("ls").option("--json", "as JSON").description("list labs").action(showLabs);
program.command("down").argument("[lab]", "id or name; default all").description("remove labs").action(down);
program
  .command("demo")
  .description("show partition, heal, loss, NAT by ping figures")
  .action(async () => {
    prepare();
    await demo();
  });
program
  .command("tour")
  .option("--keep", "leave the network up until Ctrl-C or netlab down")
  .description("show what weaved does, on three hosts, by measuring it")
  .action(async (options: { keep?: boolean }) => {
    prepare();
    await tour(options);
  });

try {
  if (process.argv.length <= 2) program.outputHelp();
  else await program.parseAsync();
} catch (error) {
  if (!(error instanceof NetlabError)) throw error;
  console.error(`netlab: ${error.message}`);
  process.exitCode = 1;
}
