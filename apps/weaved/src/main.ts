import { readFileSync, statSync, writeFileSync } from "node:fs";
import { formatPeerName } from "@weaved/gossip-mesh";
import { compose, type Daemon } from "./compose.ts";
import { takeSecrets } from "./config/environment.ts";
import type { Settings } from "./config/options.ts";
import { hostRoutes, refuseOverlap } from "./config/overlap.ts";
import { readPeerName } from "./config/peer-name.ts";
import { helpText, loggableSettings, readSettings, type Sources } from "./config/settings.ts";
import { validateSettings, warnings } from "./config/validate.ts";
import { guardProcess } from "./guard.ts";
import { ownVersion } from "./installation.ts";
import { createLogger, type RootLogger } from "./logging.ts";
import { rotateLog } from "./services/log-file.ts";
import { notifySystemd } from "./systemd.ts";
import { describeFailure } from "./values/failure.ts";

/** How often the size of the log is looked at, in milliseconds. */
const rotateEveryMs = 60_000;

/** Runs the daemon in the foreground until SIGTERM or SIGINT. */
async function main(argv: readonly string[]): Promise<number> {
  if (argv.includes("--help") || argv.includes("-h")) {
    process.stdout.write(helpText());
    return 0;
  }
  const sources: Sources = {
    argv,
    env: takeSecrets(process.env),
    readFile: (path) => readFileSync(path, "utf8"),
    fileMode: (path) => statSync(path, { throwIfNoEntry: false })?.mode,
  };
  const settings = readSettings(sources);
  if (settings.version) {
    process.stdout.write(`weave ${ownVersion()}\n`);
    return 0;
  }
  if (settings["print-peer-name"]) {
    process.stdout.write(`${formatPeerName(readPeerName(settings))}\n`);
    return 0;
  }
  validateSettings(settings);
  refuseOverlap(settings, await hostRoutes());
  const log = createLogger({ level: settings["log-level"], format: settings["log-format"] });
  log.info("starting", { version: ownVersion(), settings: loggableSettings(settings) });
  for (const { code, text } of warnings(settings, argv)) log.warn(text, { code });
  // The password of the command line is visible in `ps` only until here.
  if (argv.some((argument) => argument.startsWith("--password"))) process.title = "weaved";

  // ---- above this line the machine was only read; below it is changed ----

  return run(settings, sources, log);
}

async function run(settings: Settings, sources: Sources, log: RootLogger): Promise<number> {
  const stopped = new Promise<string>((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => resolve(signal));
  });
  let daemon: Daemon | undefined;
  guardProcess(process, {
    log,
    count: () => daemon?.metrics.count("uncaught_errors_total"),
    end: async () => daemon?.close(),
    exit: (code) => process.exit(code),
  });
  daemon = await compose({ settings, log, version: ownVersion() });
  if (process.env.WEAVED_PID_FILE) writeFileSync(process.env.WEAVED_PID_FILE, `${process.pid}`, { mode: 0o600 });
  const logFile = process.env.WEAVED_LOG_FILE;
  if (logFile)
    setInterval(() => {
      rotateLog(logFile).catch((error: Error) =>
        log.warn(`cannot rotate the log: ${error.message}`, { code: "LOG_ROTATE" }),
      );
    }, rotateEveryMs).unref();
  process.on("SIGHUP", () => reload(daemon, sources, log));
  await notifySystemd("READY=1");
  log.info(`stopping on ${await stopped}`);
  await notifySystemd("STOPPING=1");
  await daemon.close();
  log.info("stopped");
  return 0;
}

function reload(daemon: Daemon, sources: Sources, log: RootLogger): void {
  log.info("reloading");
  try {
    const settings = readSettings(sources);
    validateSettings(settings);
    daemon.reload(settings);
  } catch (error) {
    log.error(`cannot reload, so the settings stay as they are: ${describeFailure(error).line}`, {
      code: "RELOAD_FAILED",
    });
  }
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const { line, expected } = describeFailure(error);
  // The last line is what `weave launch` shows; a stack is of use only where the code is wrong.
  if (!expected && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  process.stderr.write(`weaved: ${line}\n`);
  process.exitCode = 1;
}
// Native threads may still wind down; everything of ours is closed by now.
setTimeout(() => process.exit(), 2000).unref();
