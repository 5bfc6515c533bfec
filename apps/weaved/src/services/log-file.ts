import { copyFile, stat, truncate } from "node:fs/promises";
import { logLimitBytes } from "../values/log-line.ts";

/**
 * Moves the log aside when it is large. The daemon has the file open for appending, so the text is copied and the file is emptied; lines
 * written in between are lost.
 *
 * @returns whether the file was emptied
 */
export async function rotateLog(path: string, limitBytes: number = logLimitBytes): Promise<boolean> {
  const { size } = await stat(path);
  if (size <= limitBytes) return false;
  await copyFile(path, `${path}.1`);
  await truncate(path, 0);
  return true;
}
