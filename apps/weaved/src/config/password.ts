import { readFileSync, statSync } from "node:fs";
import { ConfigError } from "./error.ts";

/**
 * The network password: from the file if one is named, else as given. A file that others may read is refused, because
 * a password everybody can read is none. An empty password means no encryption, as with the original.
 */
export function readPassword(settings: { password: string; "password-file": string }): string | undefined {
  const path = settings["password-file"];
  if (path === "") return settings.password || undefined;
  try {
    const { mode } = statSync(path);
    if ((mode & 0o077) !== 0) throw new ConfigError(`${path} can be read by others. Run: chmod 600 ${path}`);
    return readFileSync(path, "utf8").replace(/\r?\n$/, "") || undefined;
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw new ConfigError(`cannot read the password file ${path}: ${(error as Error).message}`);
  }
}
