import { existsSync, writeFileSync } from "node:fs";
import type { Store } from "@weaved/state-store";
import type { Settings } from "../config/options.ts";

/** Lies beside the state while the daemon is meant to run: there after a crash, gone after an orderly stop. */
const sentinel = (settings: Settings) => `${settings["db-prefix"]}-restart.sentinel`;

/** Key of the peers that the settings named when the targets were last taken up. */
const namedKey = "targets-named";

/**
 * The targets of a start: the previously known ones when the daemon comes back after a crash or with `--resume`, else those that are
 * named (docs/protocol/docker.md#20). What changed in the configuration file since then is applied to the previously known ones, so that a
 * host that is added or removed there counts, and peers of `weave connect` survive a reboot.
 */
export async function initialTargets(settings: Settings, store: Store): Promise<readonly string[]> {
  const again = settings.resume || existsSync(sentinel(settings));
  const saved = again ? await store.load("targets") : undefined;
  if (!Array.isArray(saved)) return settings.peers;
  if (!settings.resume) return saved.map(String);
  const before = await store.load(namedKey);
  const named = Array.isArray(before) ? before.map(String) : [];
  const removed = named.filter((peer) => !settings.peers.includes(peer));
  const added = settings.peers.filter((peer) => !named.includes(peer));
  return [...new Set([...saved.map(String).filter((peer) => !removed.includes(peer)), ...added])];
}

/** Remembers which peers the settings name, for the next {@link initialTargets}. */
export function saveNamed(settings: Settings, store: Store): Promise<void> {
  return store.save(namedKey, settings.peers);
}

/** From now on a start without an orderly stop before it is a restart. */
export function markRunning(settings: Settings): void {
  writeFileSync(sentinel(settings), "", { mode: 0o600 });
}

/** Where {@link markRunning} leaves its mark; an orderly stop removes it. */
export function sentinelPath(settings: Settings): string {
  return sentinel(settings);
}
