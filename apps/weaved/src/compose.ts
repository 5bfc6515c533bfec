import { rmSync } from "node:fs";
import { formatPeerName } from "@weaved/gossip-mesh";
import type { Settings } from "./config/options.ts";
import { readPassword } from "./config/password.ts";
import { changedSettings } from "./config/settings.ts";
import type { Metrics } from "./diagnostics/metrics.ts";
import { createFirstContact } from "./services/first-contact.ts";
import { initialTargets, markRunning, saveNamed, sentinelPath } from "./services/targets.ts";
import { startDirectory } from "./stages/directory.ts";
import { type ComposeOptions, type Identity, identify } from "./stages/identity.ts";
import { connect } from "./stages/network.ts";
import { openControl } from "./stages/operators.ts";
import { startWorkloads } from "./stages/workloads.ts";

/** A running daemon. */
export interface Daemon {
  readonly metrics: Metrics;
  /**
   * Applies the setting that can change while running, the log level, and names in the log those that changed and need a restart.
   *
   * @throws WeavedError when the password cannot be read
   */
  reload(settings: Settings): void;
  /** Stops everything in reverse order; what the kernel forwards goes on. Idempotent. */
  close(): Promise<void>;
}

/**
 * Builds the daemon from the packages: the one place where they meet. Its five stages are the whole system: identity, network
 * (bridge, data path, peers), directory (addresses and names), workloads (containers), and operators (control interface).
 */
export async function compose(options: ComposeOptions): Promise<Daemon> {
  const identity = await identify(options);
  try {
    return await build(identity);
  } catch (error) {
    await identity.undo.run();
    throw error;
  }
}

async function build(identity: Identity): Promise<Daemon> {
  const { settings, name, nickname, password, store, log, undo } = identity;
  const network = await connect(identity);
  const firstContact = createFirstContact(network.mesh, await initialTargets(settings, store), () => performance.now());
  const directory = await startDirectory(identity, network, firstContact);
  // Dialled before any container asks for an address: it would wait for the peers' answer, and the start for the container.
  const dialled = firstContact.dial();
  // It is awaited at the end; until then a failure has no other observer.
  dialled.catch(() => {});
  const workloads = await startWorkloads(identity, network, directory);
  const operators = await openControl({ identity, network, directory, workloads });
  for (const { target, reason } of await dialled) log.error(`cannot connect to ${target}: ${reason}`);
  await operators.saveTargets(network.mesh.status().targets);
  await saveNamed(settings, store).catch((error: Error) => log.error(error.message));
  markRunning(settings);
  operators.markReady();
  log.info("ready", { name: formatPeerName(name), nickname, encrypted: password !== undefined });
  return {
    metrics: identity.metrics,
    reload(changed) {
      log.setLevel(changed["log-level"]);
      const stale = changedSettings(settings, changed).filter((setting) => setting !== "log-level");
      if (readPassword(changed) !== password) stale.push("the network password");
      if (stale.length === 0) return;
      log.warn(`changed, but in force only after a restart: ${stale.join(", ")}; restart weaved`, {
        code: "RELOAD_RESTART",
      });
    },
    async close() {
      await undo.run();
      rmSync(sentinelPath(settings), { force: true });
    },
  };
}
