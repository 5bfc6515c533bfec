import { randomUUID } from "node:crypto";
import { mkdir, open, readdir, readFile, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import writeFileAtomic from "write-file-atomic";
import { StateError } from "../errors.ts";
import type { Store } from "../store.ts";
import { decodeDocument, encodeDocument } from "./document.ts";
import { Journal } from "./journal.ts";

interface Saving {
  running: Promise<void>;
  /** The save that starts when the running one ends. */
  next?: { value: unknown; done: Promise<void> };
}

/** Opens the documents under a path prefix such as `/weavedb/weave`; makes the folder (mode 0700) when it is missing. */
export async function openStore(prefix: string): Promise<Store> {
  const dir = dirname(prefix);
  try {
    await mkdir(dir, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw unwritable(dir, cause);
  }
  const path = (key: string) => `${prefix}-${key}.json`;
  /** Bounded by: kinds of documents (a handful), as the two that follow. */
  const savings = new Map<string, Saving>();
  const generations = new Map<string, string>();
  const journals = new Map<string, Journal>();
  const journalOf = (key: string): Journal => {
    const journal = journals.get(key) ?? new Journal(`${path(key)}.journal`);
    journals.set(key, journal);
    return journal;
  };

  async function closeJournals(): Promise<void> {
    for (const journal of journals.values()) await journal.close();
  }

  async function write(key: string, value: unknown): Promise<void> {
    try {
      // Temporary file, fsync, rename; then the folder, or the rename itself may be lost with the power.
      const generation = randomUUID();
      await writeFileAtomic(path(key), encodeDocument(value, generation), { mode: 0o600 });
      generations.set(key, generation);
      const folder = await open(dir, "r");
      try {
        await folder.sync();
      } finally {
        await folder.close();
      }
    } catch (cause) {
      throw unwritable(path(key), cause);
    }
  }

  function begin(key: string, value: unknown): Promise<void> {
    const saving: Saving = { running: write(key, value) };
    savings.set(key, saving);
    const finished = () => {
      if (!saving.next) savings.delete(key);
    };
    saving.running.then(finished, finished);
    return saving.running;
  }

  return {
    async load(key) {
      let bytes: string;
      try {
        bytes = await readFile(path(key), "utf8");
      } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
        throw new StateError("STATE_UNREADABLE", `cannot read ${path(key)}: ${(cause as Error).message}`, { cause });
      }
      const { value, generation } = decodeDocument(bytes, path(key));
      generations.set(key, generation);
      return value;
    },
    save(key, value) {
      const saving = savings.get(key);
      if (!saving) return begin(key, value);
      if (saving.next) {
        saving.next.value = value;
        return saving.next.done;
      }
      const queued = { value, done: Promise.resolve() };
      const after = (): Promise<void> => begin(key, queued.value);
      queued.done = saving.running.then(after, after);
      saving.next = queued;
      return queued.done;
    },
    async append(key, record) {
      const generation = generations.get(key);
      if (generation === undefined) throw new Error(`no document ${key} for its journal to extend`);
      try {
        await journalOf(key).append(generation, record);
      } catch (cause) {
        throw unwritable(`${path(key)}.journal`, cause);
      }
    },
    async journal(key) {
      const generation = generations.get(key);
      return generation === undefined ? [] : journalOf(key).read(generation);
    },
    close: closeJournals,
    async clear() {
      await closeJournals();
      generations.clear();
      const stem = `${basename(prefix)}-`;
      for (const name of await readdir(dir)) {
        if (name.startsWith(stem) && name.includes(".json")) await rm(join(dir, name), { force: true });
      }
    },
  };
}

function unwritable(what: string, cause: unknown): StateError {
  const { code, message } = cause as NodeJS.ErrnoException;
  const remedy =
    code === "ENOSPC" ? "Make room on the disk." : "Check the permissions, or choose another place with --db-prefix.";
  return new StateError("STATE_UNWRITABLE", `cannot write ${what}: ${message}. ${remedy}`, { cause });
}
