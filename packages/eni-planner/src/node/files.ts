import { readFileSync, writeFileSync } from "node:fs";
import { EniPlannerError } from "../errors.ts";

/** The text of a file. @throws EniPlannerError `INPUT_INVALID` */
export function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw new EniPlannerError("INPUT_INVALID", `cannot read ${file}: ${reason(cause)}`, { cause });
  }
}

/** The value in a JSON file. @throws EniPlannerError `INPUT_INVALID`, which names `what` the file is not */
export function readJson(file: string, what: string): unknown {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch (cause) {
    throw new EniPlannerError("INPUT_INVALID", `${file} is not a ${what}: ${reason(cause)}`, { cause });
  }
}

/** Writes a file. @throws EniPlannerError `INPUT_INVALID` */
export function writeText(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (cause) {
    throw new EniPlannerError("INPUT_INVALID", `cannot write ${file}: ${reason(cause)}`, { cause });
  }
}

function reason(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === "ENOENT") return "no such file or directory";
  if (code === "EACCES") return "permission denied";
  return code === "EISDIR" ? "it is a directory" : message;
}
