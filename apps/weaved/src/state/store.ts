import { mkdir, open, readdir, readFile, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import writeFileAtomic from "write-file-atomic";
import { decodeDocument, encodeDocument, StateError } from "./document.ts";

/** Small documents that survive a crash, one file each: `<prefix>-<key>.json`. */
export interface Store {
  /**
   * The value last saved, or undefined when there is none.
   *
   * @throws StateError when there is a file that cannot be used
   */
  load(key: string): Promise<unknown>;
  /**
   * Resolves when the value is on disk. Saves of one key are written in order; of several waiting ones only the last is written,
   * and all of them resolve with it.
   *
   * @throws StateError STATE_UNWRITABLE; the value before it is still there
   */
  save(key: string, value: unknown): Promise<void>;
  /** Forgets everything. */
  clear(): Promise<void>;
}

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
  /** Bounded by: kinds of documents (a handful). */
  const savings = new Map<string, Saving>();

  async function write(key: string, value: unknown): Promise<void> {
    try {
      // Temporary file, fsync, rename; then the folder, or the rename itself may be lost with the power.
      await writeFileAtomic(path(key), encodeDocument(value), { mode: 0o600 });
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
      return decodeDocument(bytes, path(key));
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
    async clear() {
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
