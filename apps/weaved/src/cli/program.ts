import { Command, CommanderError } from "commander";
import { findClient } from "../client/find.ts";
import { ownVersion } from "../installation.ts";
import { WeavedError } from "../values/error.ts";
import { describeFailure } from "../values/failure.ts";
import type { Context } from "./context.ts";
import { completionVerb } from "./verbs/completion.ts";
import { containerVerbs } from "./verbs/containers.ts";
import { dockerVerbs } from "./verbs/docker.ts";
import { lifecycleVerbs } from "./verbs/lifecycle.ts";
import { logVerb } from "./verbs/logs.ts";
import { nameVerbs } from "./verbs/names.ts";
import { passwordVerbs } from "./verbs/password.ts";
import { peerVerbs } from "./verbs/peers.ts";
import { policyVerbs } from "./verbs/policy.ts";
import { serviceVerbs } from "./verbs/services.ts";
import { statusVerbs } from "./verbs/status.ts";

/** Where a program's words come from and go to. */
export interface Terminal {
  readonly env: Readonly<Record<string, string | undefined>>;
  write(text: string): void;
  writeError(text: string): void;
}

/** The `weave` command, described once: help and completion are made from it. */
export function createProgram(terminal: Terminal): Command {
  const program = new Command("weave");
  const context = (): Context => ({
    client: findClient(terminal.env),
    env: terminal.env,
    json: program.opts<{ json?: boolean }>().json ?? false,
    print: (text) => terminal.write(text),
    warn: (text) => terminal.writeError(`weave: ${text}\n`),
  });
  program
    .description("Container networking for many hosts.")
    .version(`weave ${ownVersion()}`, "--version", "print the version of this command")
    .option("--json", "machine-readable output")
    .option("--local", "accepted for compatibility: every verb runs on this host")
    .enablePositionalOptions()
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({
      writeOut: terminal.write,
      writeErr: terminal.writeError,
      outputError: (text, write) => write(wordsOf(text)),
    });
  lifecycleVerbs(program, context);
  peerVerbs(program, context);
  statusVerbs(program, context);
  containerVerbs(program, context);
  nameVerbs(program, context);
  serviceVerbs(program, context);
  policyVerbs(program, context);
  dockerVerbs(program, context);
  doctorVerb(program, context);
  logVerb(program, context);
  passwordVerbs(program, context);
  completionVerb(program, context);
  for (const command of program.commands) acceptJson(command, program);
  return program;
}

/** An error of the parser in one line with a remedy. */
function wordsOf(text: string): string {
  const line = text
    .replace(/^error: /, "")
    .trim()
    .replaceAll(/\s*\n\s*/g, " ");
  return `weave: ${line}; see weave --help\n`;
}

function doctorVerb(program: Command, context: () => Context): void {
  program
    .command("doctor")
    .description("check kernel, privileges, ports, MTU, clock, and reachability, and print what to do")
    .argument("[peer...]", "targets to try; those of the running daemon if none are named")
    .action(async (peers: string[]) => {
      const { doctor } = await import("../diagnostics/doctor/doctor.ts");
      if (!(await doctor(context(), { peers }))) process.exitCode = 1;
    });
}

/** `--json` may stand before or behind the verb. */
function acceptJson(command: Command, program: Command): void {
  if (["run", "start", "launch"].includes(command.name())) return;
  command.option("--json", "machine-readable output");
  command.hook("preAction", (_, action) => {
    if (action.opts<{ json?: boolean }>().json) program.setOptionValue("json", true);
  });
}

/** Runs one command line; the result is the exit code. */
export async function runProgram(argv: readonly string[], terminal: Terminal): Promise<number> {
  try {
    await createProgram(terminal).parseAsync([...argv], { from: "user" });
    return Number(process.exitCode ?? 0);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode;
    const { line } = describeFailure(error);
    terminal.writeError(`weave: ${line}\n`);
    return error instanceof WeavedError ? error.exitCode : 1;
  }
}
