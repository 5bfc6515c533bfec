import { spawn } from "node:child_process";
import { closeSync, fstatSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname } from "node:path";
import type { Command } from "commander";
import { createClient } from "../../client/client.ts";
import { daemonProgram, ownVersion } from "../../installation.ts";
import { WeavedError } from "../../values/error.ts";
import { logLimitBytes } from "../../values/log-line.ts";
import { passwordWeakness } from "../../values/password-strength.ts";
import type { Context } from "../context.ts";
import { launchArguments, splitPassword } from "../launch-arguments.ts";
import { isRunning, pollUntil, readPid } from "../process.ts";
import { type RunPaths, runPaths } from "../run-paths.ts";

/** Verbs that start and end the daemon: launch, stop, reset, setup, version. */
export function lifecycleVerbs(program: Command, context: () => Context): void {
  program
    .command("launch")
    .description("start the daemon in the background and wait until it answers; takes weaved's flags")
    .allowUnknownOption()
    .helpOption(false)
    .argument("[words...]", "flags of weaved, then peers")
    .action((_: string[], __: unknown, command: Command) => launch(context(), command.args));
  program
    .command("stop")
    .description("stop the daemon; containers keep their interfaces and addresses")
    .action(() => stop(context()));
  program
    .command("reset")
    .description(
      "leave the network for good: grant the addresses to other peers, stop, remove bridge, rules, and state",
    )
    .option("--force", "also when the daemon does not answer")
    .action(async (options: { force?: boolean }) => {
      const { reset } = await import("../reset.ts");
      await reset(context(), { force: options.force ?? false, stop: () => stop(context()) });
    });
  program
    .command("setup")
    .description("check that this host can run the daemon; nothing is downloaded")
    .action(async () => {
      const { doctor } = await import("../../diagnostics/doctor/doctor.ts");
      if (!(await doctor(context(), { peers: [] }))) process.exitCode = 1;
    });
  program
    .command("version")
    .description("print the version of the running daemon, else of this command")
    .action(async () => {
      const { client, print } = context();
      const answer = await client.send("GET", "/report", { form: [["format", "{{.Version}}"]] }).catch(() => undefined);
      print(`weave ${answer?.status === 200 ? answer.body : ownVersion()}\n`);
    });
}

async function launch(context: Context, given: readonly string[]): Promise<void> {
  const { words, password } = splitPassword(given);
  const { helpText, readSettings } = await import("../../config/settings.ts");
  if (words.includes("--help") || words.includes("-h")) return context.print(helpText());
  if (words.includes("--version")) return context.print(`weave ${ownVersion()}\n`);
  const paths = runPaths(context.env);
  if (password !== undefined)
    context.warn("the password on the command line is visible in ps; use WEAVE_PASSWORD or --password-file instead");
  const running = readPid(paths.pid, "weaved");
  if (running !== undefined)
    throw new WeavedError(
      "DAEMON_RUNNING",
      `weaved is already running (process ${running}); stop it first with: weave stop`,
    );
  const args = await launchArguments(words, context.env, paths.socket);
  const env = { ...context.env, ...(password !== undefined && { WEAVE_PASSWORD: password }) };
  // Wrong settings are reported here, before anything is started.
  const { validateSettings } = await import("../../config/validate.ts");
  const { readPassword } = await import("../../config/password.ts");
  const settings = readSettings({
    argv: args,
    env,
    readFile: (path) => readFileSync(path, "utf8"),
    fileMode: (path) => statSync(path, { throwIfNoEntry: false })?.mode,
  });
  validateSettings(settings);
  const weakness = passwordWeakness(readPassword(settings));
  if (weakness) context.warn(weakness);
  await start(paths, args, env);
}

async function start(paths: RunPaths, args: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  mkdirSync(dirname(paths.socket), { recursive: true, mode: 0o700 });
  const log = openLog(paths.log);
  const { size: from } = fstatSync(log);
  const child = spawn(process.execPath, [daemonProgram(), ...args], {
    detached: true,
    stdio: ["ignore", log, log],
    env: { ...env, WEAVED_PID_FILE: paths.pid, WEAVED_LOG_FILE: paths.log },
  });
  closeSync(log);
  let exited = false;
  child.once("exit", () => {
    exited = true;
  });
  const client = createClient({ socketPath: paths.socket });
  const ready = await pollUntil(60_000, async () => {
    if (exited) throw new WeavedError("START_FAILED", `weaved did not start: ${lastWords(paths.log, from)}`);
    const answer = await client.send("GET", "/status").catch(() => undefined);
    return answer !== undefined && answer.status === 200;
  });
  child.unref();
  if (!ready) throw new WeavedError("START_FAILED", "weaved did not become ready within 60 s; see weave logs");
}

function openLog(path: string): number {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) > logLimitBytes) renameSync(path, `${path}.1`);
    return openSync(path, "a", 0o600);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new WeavedError("START_FAILED", `cannot write the log ${path} (${code}); set WEAVE_LOG to another path`, {
      cause,
    });
  }
}

/** The line in which the daemon gave the reason for its end. */
function lastWords(log: string, from: number): string {
  const lines = readFileSync(log).subarray(from).toString("utf8").trimEnd().split("\n");
  const reason = lines.findLast((line) => line.startsWith("weaved: "));
  return reason?.slice("weaved: ".length) ?? "it ended without a reason; see weave logs";
}

async function stop(context: Context): Promise<void> {
  const paths = runPaths(context.env);
  const pid = readPid(paths.pid, "weaved");
  if (pid === undefined) {
    context.warn("weaved is not running, so there is nothing to stop");
    return;
  }
  process.kill(pid, "SIGTERM");
  if (!(await pollUntil(20_000, async () => !isRunning(pid, "weaved"))))
    throw new WeavedError("STOP_FAILED", `weaved (process ${pid}) did not stop within 20 s; see weave logs`);
  rmSync(paths.pid, { force: true });
}
