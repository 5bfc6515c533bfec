import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, open, readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { StateError } from "../errors.ts";

/**
 * Records that extend a document, one a line, each with its checksum: a small change of a large document costs one write. The first
 * line names the document by its checksum, so a journal that an already newer document has outlived is never read.
 *
 * ```text
 * <checksum of the document>
 * <16 hex digits of the record's SHA-256> <the record as JSON>
 * ```
 */
export class Journal {
  readonly #path: string;
  #file: FileHandle | undefined;
  #extends: string | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /** Resolves when the record is durable. Appends come one after the other. */
  async append(extending: string, record: unknown): Promise<void> {
    const text = JSON.stringify(record);
    const line = `${digest(text)} ${text}\n`;
    if (this.#file && this.#extends === extending) {
      return writeAll(this.#file, line);
    }
    await this.#begin(`${extending}\n${line}`);
    this.#extends = extending;
  }

  /** The records for this document, oldest first. What a crash cut off at the end was never promised to anybody. */
  async read(extending: string): Promise<unknown[]> {
    const bytes = await readFile(this.#path, "utf8").catch((cause: NodeJS.ErrnoException) => {
      if (cause.code === "ENOENT") return "";
      throw new StateError("STATE_UNREADABLE", `cannot read ${this.#path}: ${cause.message}`, { cause });
    });
    const [head, ...lines] = bytes.split("\n");
    if (head !== extending) return [];
    // Behind the last newline is nothing, or a torn record.
    lines.pop();
    return lines.flatMap((line, i) => {
      const text = line.slice(17);
      if (line.slice(0, 16) === digest(text)) return [JSON.parse(text)];
      if (i === lines.length - 1) return [];
      throw new StateError("STATE_TORN", `${this.#path} is damaged. Restore it from a copy, or move it away.`);
    });
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = this.#extends = undefined;
    await file?.close();
  }

  async #begin(text: string): Promise<void> {
    await this.close();
    this.#file = await open(this.#path, durable, 0o600);
    await writeAll(this.#file, text);
    // The file's own name, too, must survive a loss of power.
    const folder = await open(dirname(this.#path), "r");
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  }
}

/** Every write is on the disk when it returns: one trip to the thread pool, where a write and a flush would be two. */
const durable = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_DSYNC;

/** A full disk may take a part before it refuses. */
async function writeAll(file: FileHandle, text: string): Promise<void> {
  let rest = Buffer.from(text);
  while (rest.length > 0) rest = rest.subarray((await file.write(rest)).bytesWritten);
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}
