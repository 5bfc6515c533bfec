/**
 * Our own entries on disk, so that a restarted peer announces its containers at once.
 *
 * Without this (as in Weave Net 2.8) a restarted peer withdraws its names when neighbours repeat them, and restores each when
 * it learns of the container again: for some seconds they are gone. Withdrawn entries are kept for their versions, so that what is
 * announced after the restart counts as later than what was announced before.
 */
import { CLAIM_TYPES, isPlausible, makeEntry, type NameEntry } from "./entry.ts";
import { DnsError } from "./errors.ts";
import type { Names } from "./names.ts";
import { type Clock, type Logger, type Running, type Store, silentLogger } from "./ports.ts";

/** The result of {@link Names.snapshot}; plain JSON. */
export interface NamesSnapshot {
  readonly version: 1;
  readonly entries: readonly NameEntry[];
}

const TYPES: ReadonlySet<unknown> = new Set(CLAIM_TYPES);

function isEntry(value: unknown): value is NameEntry {
  if (typeof value !== "object" || value === null) return false;
  const { containerId, hostname, type, data } = value as Partial<NameEntry>;
  const isText = [containerId, hostname, data].every((text) => typeof text === "string");
  // The date of a tombstone is not judged: the clock may be wrong at a start.
  return isText && TYPES.has(type) && isPlausible(value as NameEntry, Number.MAX_SAFE_INTEGER);
}

/**
 * The entries of a stored document, those that no honest peer makes left out: one bad entry must not cost the others.
 * @throws DnsError `DNS_BAD_SNAPSHOT`
 */
export function parseSnapshot(document: unknown): NameEntry[] {
  const { version, entries } = (document ?? {}) as { version?: unknown; entries?: unknown };
  if (version !== 1 || !Array.isArray(entries)) {
    throw new DnsError("DNS_BAD_SNAPSHOT", "stored names are not of a form that this version wrote");
  }
  return entries.filter(isEntry).map((entry) => makeEntry(entry));
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

/** After a save that failed, the next one is tried this much later. */
const RETRY_MS = 5000;
/** How often failures to save are logged. */
const FAILURE_LOG_MS = 60_000;

/**
 * Restores names from a store, then saves them after every change of our own.
 *
 * `close` writes what is still unwritten. A document that cannot be read is reported and left alone until the next change; a save
 * that fails is tried again.
 */
export async function keepNames(options: KeepNamesOptions): Promise<Running> {
  const { names, store, logger = silentLogger, key = "names" } = options;
  try {
    const document = await store.load(key);
    if (document !== undefined && document !== null) names.restore(document);
  } catch (error) {
    logger.error("stored names could not be used; they come back with their containers", { key, error });
  }
  return new NamesKeeper(options);
}

class NamesKeeper implements Running {
  readonly #options: KeepNamesOptions;
  readonly #unsubscribe: () => void;
  #isDirty = false;
  #cancel: (() => void) | undefined;
  #writing: Promise<void> = Promise.resolve();
  #failureLoggedMs = Number.NEGATIVE_INFINITY;

  constructor(options: KeepNamesOptions) {
    this.#options = options;
    const { names, settleMs = 200 } = options;
    this.#unsubscribe = names.onChange((changed) => {
      if (changed.some((entry) => entry.origin === names.self)) this.#writeAfter(settleMs);
    });
  }

  async close(): Promise<void> {
    this.#unsubscribe();
    this.#cancel?.();
    if (this.#isDirty) this.#write();
    await this.#writing;
    // A last save that failed has asked for another one.
    this.#cancel?.();
  }

  #writeAfter(ms: number): void {
    this.#isDirty = true;
    this.#cancel ??= this.#options.clock.after(ms, () => this.#write());
  }

  #write(): void {
    this.#cancel = undefined;
    this.#isDirty = false;
    this.#writing = this.#writing.then(() => this.#save());
  }

  async #save(): Promise<void> {
    const { names, store, clock, logger = silentLogger, key = "names" } = this.#options;
    try {
      await store.save(key, names.snapshot());
    } catch (error) {
      if (clock.now() - this.#failureLoggedMs >= FAILURE_LOG_MS) {
        this.#failureLoggedMs = clock.now();
        logger.error("names could not be saved; saving is tried again every 5 s", { key, error });
      }
      this.#writeAfter(RETRY_MS);
    }
  }
}
