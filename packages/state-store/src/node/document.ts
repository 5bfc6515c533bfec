import { createHash } from "node:crypto";
import { StateError } from "../errors.ts";

/**
 * One state document as bytes: a JSON object `{format, version, generation, checksum, value}`. The checksum is SHA-256 over the
 * value's JSON text, so a torn or edited file is noticed instead of believed. The generation differs from that of every other
 * save, so that a journal knows its document.
 */

const format = "weaved-state";
const version = 1;

/** The bytes of a document. */
export function encodeDocument(value: unknown, generation = ""): string {
  const text = JSON.stringify(value);
  const head = JSON.stringify({ format, version, generation, checksum: checksumOf(text) });
  return `${head.slice(0, -1)},"value":${text}}\n`;
}

/**
 * Reads a document back.
 *
 * @throws StateError STATE_TORN when it is cut or changed, STATE_FOREIGN when it is no state file, STATE_NEWER when a later version wrote it
 */
export function decodeDocument(bytes: string, name: string): { readonly value: unknown; readonly generation: string } {
  const remedy = "Restore it from a copy, or move it away to start without it";
  let document: { format?: unknown; version?: unknown; generation?: string; checksum?: unknown; value?: unknown };
  try {
    document = JSON.parse(bytes);
  } catch (cause) {
    throw new StateError("STATE_TORN", `${name} is cut off or damaged. ${remedy}.`, { cause });
  }
  if (document === null || typeof document !== "object" || document.format !== format) {
    throw new StateError("STATE_FOREIGN", `${name} was not written by weaved. ${remedy}.`);
  }
  if (document.version !== version) {
    throw new StateError(
      "STATE_NEWER",
      `${name} has format version ${String(document.version)}; this weaved reads version ${version}.`,
    );
  }
  if (document.checksum !== checksumOf(JSON.stringify(document.value))) {
    throw new StateError("STATE_TORN", `${name} does not match its checksum. ${remedy}.`);
  }
  return { value: document.value, generation: document.generation ?? "" };
}

function checksumOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
