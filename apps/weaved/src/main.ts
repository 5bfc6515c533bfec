import { readFileSync, writeFileSync } from "node:fs";
import { DockerError } from "@weaved/docker-proxy";
import { formatPeerName } from "@weaved/gossip-mesh";
import { StateError } from "@weaved/state-store";
import { compose } from "./compose.ts";
import { ConfigError } from "./config/error.ts";
import { readPeerName } from "./config/peer-name.ts";
import { helpText, loggableSettings, readSettings } from "./config/settings.ts";
import { validateSettings } from "./config/validate.ts";
import { ownVersion } from "./installation.ts";
import { createLogger } from "./logging.ts";
import { notifySystemd } from "./systemd.ts";

/** Runs the daemon in the foreground until SIGTERM or SIGINT. */
async function main(argv: readonly string[]): Promise<number> {
  if (argv.includes("--help")) {
    process.stdout.write(helpText());
    return 0;
  }
  const sources = { argv, env: process.env, readFile: (path: string) => readFileSync(path, "utf8") };
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
  hidePassword();
  const log = createLogger({ level: settings["log-level"], format: settings["log-format"] });
  log.info("starting", { version: ownVersion(), settings: loggableSettings(settings) });

  // ---- above this line the machine was only read; below it is changed ----

  const stopped = new Promise<string>((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => resolve(signal));
  });
  const daemon = await compose({ settings, log, version: ownVersion() });
  if (process.env.WEAVED_PID_FILE) writeFileSync(process.env.WEAVED_PID_FILE, `${process.pid}`, { mode: 0o600 });
  process.on("SIGHUP", () => {
    log.info("reloading");
    daemon.reload(readSettings(sources)).catch((error: Error) => log.error(`cannot reload: ${error.message}`));
  });
  await notifySystemd("READY=1");
  log.info(`stopping on ${await stopped}`);
  await notifySystemd("STOPPING=1");
  await daemon.close();
  log.info("stopped");
  return 0;
}

/** A password given as an argument stays visible in `ps` only until here. */
function hidePassword(): void {
  if (process.argv.some((argument) => argument.startsWith("--password"))) process.title = "weaved";
  delete process.env.WEAVE_PASSWORD;
  delete process.env.WEAVED_PASSWORD;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const expected = error instanceof ConfigError || error instanceof StateError || error instanceof DockerError;
  process.stderr.write(
    expected ? `weaved: ${error.message}\n` : `weaved: ${error instanceof Error ? error.stack : String(error)}\n`,
  );
  process.exitCode = 1;
}
// Native threads may still wind down; everything of ours is closed by now.
setTimeout(() => process.exit(), 2000).unref();
