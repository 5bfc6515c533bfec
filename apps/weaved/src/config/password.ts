import { readFileSync, statSync } from "node:fs";
import { WeavedError } from "../values/error.ts";

/**
 * The network password: from the file if one is named, else as given. A source that is named and holds no password is an error,
 * because the network would otherwise start without encryption.
 *
 * @returns undefined when no source is named: the network is not encrypted
 * @throws WeavedError PASSWORD_EMPTY, PASSWORD_EXPOSED, SETTING_INVALID
 */
export function readPassword(settings: { password: string; "password-file": string }): string | undefined {
  const path = settings["password-file"];
  if (path === "") return settings.password || undefined;
  const text = readPrivate(path).replace(/\r?\n$/, "");
  if (text.trim() === "")
    throw new WeavedError(
      "PASSWORD_EMPTY",
      `the password file ${path} holds no password; write one into it, or leave --password-file out for a network without encryption`,
    );
  return text;
}

function readPrivate(path: string): string {
  try {
    const { mode } = statSync(path);
    refuseReadableByOthers(path, mode);
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof WeavedError) throw error;
    throw new WeavedError(
      "SETTING_INVALID",
      `cannot read the password file ${path} (${(error as NodeJS.ErrnoException).code}); check the path and the permissions`,
      { cause: error },
    );
  }
}

/** @throws WeavedError PASSWORD_EXPOSED when the mode lets others than the owner use a file that holds a password */
export function refuseReadableByOthers(path: string, mode: number): void {
  if ((mode & 0o077) === 0) return;
  throw new WeavedError(
    "PASSWORD_EXPOSED",
    `${path} holds a password and can be read by others than its owner; run: chmod 600 ${path}`,
  );
}
