import { existsSync } from "node:fs";
import { type Client, createClient, defaultControlSocket, parseEndpoint } from "./client.ts";

/** What every verb works with. */
export interface Context {
  readonly client: Client;
  readonly env: Readonly<Record<string, string | undefined>>;
  print(text: string): void;
  warn(text: string): void;
  /** `--json` was given. */
  readonly json: boolean;
}

/** Prints a value as JSON, or as the text made of it. */
export function show<T>(context: Context, value: T, text: (value: T) => string): void {
  context.print(context.json ? `${JSON.stringify(value, undefined, 2)}\n` : text(value));
}

/** The daemon's address: `WEAVE_HTTP_ADDR` if set, else the control socket, else the original's port on loopback. */
export function findClient(env: Context["env"]): Client {
  const named = env.WEAVE_HTTP_ADDR;
  if (named) return createClient(parseEndpoint(named));
  const socket = env.WEAVE_CONTROL_SOCKET ?? defaultControlSocket;
  return createClient(existsSync(socket) ? { socketPath: socket } : parseEndpoint("127.0.0.1:6784"));
}
