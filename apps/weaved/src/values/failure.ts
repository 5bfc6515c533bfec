import { WeavedError } from "./error.ts";
import { printable } from "./printable.ts";

/** A failure in one line for people, and whether it is one that the code foresees. */
export interface Failure {
  readonly line: string;
  readonly code: string;
  /** False: a bug. */
  readonly expected: boolean;
}

/** What an operating system says most often, with the remedy. */
const remedies: Readonly<Record<string, string>> = {
  EADDRINUSE: "stop the program that holds it (ss -lntup shows it), or choose another port or address",
  EADDRNOTAVAIL: "this host does not have that address; see ip address",
  EACCES: "run as root, or check the permissions",
  EPERM: "run as root, or give the service the capability CAP_NET_ADMIN",
  ENOENT: "check the path, and that the program is installed",
  ENOSPC: "make room on the disk",
  EROFS: "choose a place that can be written",
};

/** Describes whatever was thrown. */
export function describeFailure(error: unknown): Failure {
  if (!(error instanceof Error)) return { line: printable(String(error)), code: "INTERNAL", expected: false };
  const { code } = error as { code?: unknown };
  const line = printable(error.message.trim().replaceAll(/\s*\n\s*/g, "; "));
  if (error instanceof WeavedError) return { line, code: error.code, expected: true };
  if (typeof code !== "string" || isProgrammingError(error)) {
    return { line: `internal error: ${line}; please report it with the log`, code: "INTERNAL", expected: false };
  }
  const remedy = remedies[code] ?? remedies[/\bE[A-Z]{4,}\b/.exec(line)?.[0] ?? ""];
  return { line: remedy && !line.includes("; ") ? `${line}; ${remedy}` : line, code, expected: true };
}

/** Errors of the language and of Node's argument checks: a caller in this program is wrong. */
function isProgrammingError(error: Error): boolean {
  const code = String((error as { code?: unknown }).code);
  return error instanceof TypeError || error instanceof ReferenceError || code.startsWith("ERR_");
}
