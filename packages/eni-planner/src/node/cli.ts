import { Command, CommanderError } from "commander";
import { EniPlannerError } from "../errors.ts";
import type { Print } from "./flags.ts";
import { addPlanCommands } from "./plan-commands.ts";
import { addTypeCommands } from "./type-commands.ts";

/**
 * Runs the command.
 * @returns the exit status: 0, 1 for input that cannot be used, 2 for a wrong command line
 */
export async function main(argv: readonly string[], print: Print, complain: Print): Promise<number> {
  const program = new Command("eni-planner")
    .description("how many tasks or pods an AWS instance, subnet, fleet can hold")
    .configureOutput({ writeOut: print, writeErr: complain })
    .exitOverride();
  addTypeCommands(program, print);
  addPlanCommands(program, print);
  for (const command of program.commands) command.copyInheritedSettings(program);
  try {
    await program.parseAsync(argv.map(normalize), { from: "user" });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (!(error instanceof EniPlannerError)) throw error;
    complain(`eni-planner: ${error.message}\n`);
    return 1;
  }
}

/** Flags may be written as the VPC CNI's variables (`--WARM_IP_TARGET`), or without `-target`. */
function normalize(argument: string): string {
  const match = /^--([A-Za-z_-]+)(=.*)?$/.exec(argument);
  if (match === null) return argument;
  const name = (match[1] ?? "").toLowerCase().replaceAll("_", "-");
  const short = /^(warm-eni|warm-ip|minimum-ip|warm-prefix)$/.test(name);
  const known = name === "enable-prefix-delegation" || name === "prefix" ? "prefix-delegation" : name;
  if (name === "instance-type") return `--type${match[2] ?? ""}`;
  return `--${short ? `${name}-target` : known}${match[2] ?? ""}`;
}
