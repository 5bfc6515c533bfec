/**
 * Our own entries on disk, so that a restarted peer speaks at once for its containers.
 *
 * Without this (as in the original) a restarted peer withdraws its names when neighbours repeat them, and revives each when
 * told of the container again: for some seconds they are gone. Dead entries are kept for their versions, so that what is said
 * after the restart counts as later than what was said before.
 */
import { makeEntry, type NameEntry } from "./entry.ts";
import { DnsError } from "./errors.ts";
import type { Names } from "./names.ts";
import { type Clock, type Logger, type Running, type Store, silentLogger } from "./ports.ts";

/** What {@link Names.snapshot} gives; plain JSON. */
export interface NamesSnapshot {
  readonly version: 1;
  readonly entries: readonly NameEntry[];
}

const types = new Set<unknown>(["", "AAAA", "SRV", "WEIGHT"]);
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

function isEntry(value: unknown): value is NameEntry {
  if (typeof value !== "object" || value === null) return false;
  const { containerId, hostname, origin, address, version, tombstone, type, data } = value as Partial<NameEntry>;
  return (
    [containerId, hostname, data].every((text) => typeof text === "string") &&
    [origin, address, version, tombstone].every(isCount) &&
    types.has(type)
  );
}

/** The entries of a stored document. @throws DnsError `DNS_BAD_SNAPSHOT` */
export function parseSnapshot(document: unknown): NameEntry[] {
  const { version, entries } = (document ?? {}) as { version?: unknown; entries?: unknown };
  if (version !== 1 || !Array.isArray(entries) || !entries.every(isEntry)) {
    throw new DnsError("DNS_BAD_SNAPSHOT", "stored names are not of a form that this version wrote");
  }
  return entries.map((entry: NameEntry) => makeEntry(entry));
}

/** What {@link keepNames} needs. */
export interface KeepNamesOptions {
  readonly names: Names;
  readonly store: Store;
  readonly clock: Clock;
  /** @defaultValue silent */
  readonly logger?: Logger;
  /** @defaultValue `names` */
  readonly key?: string;
  /** Changes within this time share one write. @defaultValue 200 */
  readonly settleMs?: number;
}

/**
 * Restores names from a store, then saves them after every change of our own.
 *
 * `close` writes what is still unwritten. A document that cannot be read is reported and left alone until the next change.
 */
export async function keepNames(options: KeepNamesOptions): Promise<Running> {
  const { names, store, clock, logger = silentLogger, key = "names", settleMs = 200 } = options;
  try {
    const document = await store.load(key);
    if (document !== undefined && document !== null) names.restore(document);
  } catch (error) {
    logger.error("stored names could not be used; they come back with their containers", { key, error });
  }
  let dirty = false;
  let cancel: (() => void) | undefined;
  let writing = Promise.resolve();
  const write = (): void => {
    cancel = undefined;
    dirty = false;
    writing = writing
      .then(() => store.save(key, names.snapshot()))
      .catch((error: unknown) => logger.error("names could not be saved", { key, error }));
  };
  const unsubscribe = names.onChange((changed) => {
    if (!changed.some((entry) => entry.origin === names.self)) return;
    dirty = true;
    cancel ??= clock.after(settleMs, write);
  });
  return {
    async close() {
      unsubscribe();
      cancel?.();
      if (dirty) write();
      await writing;
    },
  };
}
