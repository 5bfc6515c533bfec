import { createHash } from "node:crypto";
import { type FileHandle, open, readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { StateError } from "./document.ts";

/**
 * Records that extend a document, one a line, each with its checksum: a small change of a large document costs one write and
 * one flush. The first line names the document by its checksum, so a journal that an already newer document has outlived is
 * never read.
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
      await this.#file.appendFile(line);
      return this.#file.datasync();
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
    this.#file = await open(this.#path, "w", 0o600);
    await this.#file.appendFile(text);
    await this.#file.datasync();
    // The file's own name, too, must survive a loss of power.
    const folder = await open(dirname(this.#path), "r");
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  }
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}
