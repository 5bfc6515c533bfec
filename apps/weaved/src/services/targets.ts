import { existsSync, writeFileSync } from "node:fs";
import type { Store } from "@weaved/state-store";
import type { Settings } from "../config/options.ts";

/** Lies beside the state while the daemon is meant to run: there after a crash, gone after an orderly stop. */
const sentinel = (settings: Settings) => `${settings["db-prefix"]}-restart.sentinel`;

/**
 * Whom to connect to: the peers of before when the daemon comes back after a crash or with `--resume`, else those that are named
 * (protocol notes, 20).
 */
export async function initialTargets(settings: Settings, store: Store): Promise<readonly string[]> {
  const again = settings.resume || existsSync(sentinel(settings));
  const saved = again ? await store.load("targets") : undefined;
  return Array.isArray(saved) ? saved.map(String) : settings.peers;
}

/** From now on a start without an orderly stop before it is a restart. */
export function markRunning(settings: Settings): void {
  writeFileSync(sentinel(settings), "", { mode: 0o600 });
}

/** Where {@link markRunning} leaves its mark; an orderly stop removes it. */
export function sentinelPath(settings: Settings): string {
  return sentinel(settings);
}
