import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Command } from "commander";
import { CommandError, createClient, defaultControlSocket } from "../../client/client.ts";
import { daemonProgram, ownVersion } from "../../installation.ts";
import type { Context } from "../context.ts";
import { launchArguments, splitPassword } from "../launch-arguments.ts";
import { isRunning, pollUntil, readPid } from "../process.ts";

/** Where the running daemon leaves its process id and log. */
function runPaths(env: Context["env"]): { socket: string; pid: string; log: string } {
  const socket = env.WEAVE_CONTROL_SOCKET ?? defaultControlSocket;
  return {
    socket,
    pid: join(dirname(socket), "weaved.pid"),
    log: env.WEAVE_LOG ?? join(dirname(socket), "weaved.log"),
  };
}

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
    .description("stop the daemon; containers keep what they have")
    .action(() => stop(context()));
  program
    .command("reset")
    .description("leave the network for good: hand addresses over, stop, remove bridge, rules, state")
    .option("--force", "also when the daemon does not answer")
    .action((options: { force?: boolean }) => reset(context(), options.force ?? false));
  program
    .command("setup")
    .description("check that this host can run the daemon (nothing is downloaded)")
    .action(async () => {
      const { doctor } = await import("../../diagnostics/doctor/doctor.ts");
      await doctor(context(), { peers: [] });
    });
  program
    .command("version")
    .description("version of the running daemon, else of this command")
    .action(async () => {
      const { client, print } = context();
      const answer = await client.send("GET", "/report", { form: [["format", "{{.Version}}"]] }).catch(() => undefined);
      print(`weave ${answer?.status === 200 ? answer.body : ownVersion()}\n`);
    });
}

async function launch(context: Context, given: readonly string[]): Promise<void> {
  const paths = runPaths(context.env);
  const { words, password } = splitPassword(given);
  const running = readPid(paths.pid, "weaved");
  if (running !== undefined)
    throw new CommandError(`weaved is already running (process ${running}). Stop it first: weave stop`);
  const args = await launchArguments(words, context.env, paths.socket);
  // Bad settings are said here, before anything is started. Loaded late: other verbs answer in half the time without.
  const { readSettings } = await import("../../config/settings.ts");
  readSettings({ argv: args, env: context.env, readFile: (path) => readFileSync(path, "utf8") });
  mkdirSync(dirname(paths.socket), { recursive: true, mode: 0o700 });
  const log = openSync(paths.log, "a", 0o600);
  const child = spawn(process.execPath, [daemonProgram(), ...args], {
    detached: true,
    stdio: ["ignore", log, log],
    env: { ...process.env, WEAVED_PID_FILE: paths.pid, ...(password !== undefined && { WEAVE_PASSWORD: password }) },
  });
  closeSync(log);
  let exited = false;
  child.once("exit", () => {
    exited = true;
  });
  const client = createClient({ socketPath: paths.socket });
  const ready = await pollUntil(60_000, async () => {
    if (exited) throw new CommandError(`weaved stopped while starting; the end of ${paths.log}:\n${tail(paths.log)}`);
    const answer = await client.send("GET", "/status").catch(() => undefined);
    return answer !== undefined && answer.status === 200;
  });
  child.unref();
  if (!ready) throw new CommandError(`weaved did not become ready within 60 s; see ${paths.log}`);
}

function tail(path: string): string {
  return readFileSync(path, "utf8").trimEnd().split("\n").slice(-5).join("\n");
}

async function stop(context: Context): Promise<void> {
  const paths = runPaths(context.env);
  const pid = readPid(paths.pid, "weaved");
  if (pid === undefined) {
    context.warn("weaved is not running\n");
    return;
  }
  process.kill(pid, "SIGTERM");
  if (!(await pollUntil(20_000, async () => !isRunning(pid, "weaved")))) {
    throw new CommandError(`weaved (process ${pid}) did not stop within 20 s`);
  }
  rmSync(paths.pid, { force: true });
}

async function reset(context: Context, force: boolean): Promise<void> {
  const left = await context.client.send("DELETE", "/peer").catch((error: Error) => error);
  if (left instanceof Error && !force) {
    throw new CommandError(
      `${left.message}\nIts addresses cannot be handed over. To remove everything all the same: weave reset --force`,
    );
  }
  const settings = left instanceof Error ? undefined : await settingsOf(context);
  await stop(context);
  const { resetHost } = await import("../reset.ts");
  await resetHost({
    bridge: settings?.bridge ?? "weave",
    prefix: settings?.prefix ?? context.env.WEAVED_DB_PREFIX ?? "/weavedb/weave",
  });
}

async function settingsOf(context: Context): Promise<{ bridge: string; prefix: string } | undefined> {
  const answer = await context.client.send("GET", "/v1/settings").catch(() => undefined);
  return answer?.status === 200 ? JSON.parse(answer.body) : undefined;
}
