import { accessSync, constants, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { defaultControlSocket } from "../client/client.ts";

/** Where `weave launch` puts the files of a running daemon. */
export interface RunPaths {
  readonly socket: string;
  readonly pid: string;
  readonly log: string;
}

const logFolder = "/var/log/weave";

/** The paths; `WEAVE_CONTROL_SOCKET` and `WEAVE_LOG` move them. Logs lie on disk where this host has a place for them. */
export function runPaths(env: Readonly<Record<string, string | undefined>>): RunPaths {
  const socket = env.WEAVE_CONTROL_SOCKET ?? defaultControlSocket;
  const beside = join(dirname(socket), "weaved.log");
  const usual = socket === defaultControlSocket && writable(logFolder) ? join(logFolder, "weaved.log") : beside;
  return { socket, pid: join(dirname(socket), "weaved.pid"), log: env.WEAVE_LOG ?? usual };
}

function writable(folder: string): boolean {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
