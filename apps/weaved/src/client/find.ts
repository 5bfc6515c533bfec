import { existsSync } from "node:fs";
import { type Client, createClient, defaultControlSocket, parseEndpoint } from "./client.ts";

/** The daemon's address: `WEAVE_HTTP_ADDR` if set, else the control socket, else the original's port on loopback. */
export function findClient(env: Readonly<Record<string, string | undefined>>): Client {
  const named = env.WEAVE_HTTP_ADDR;
  if (named) return createClient(parseEndpoint(named));
  const socket = env.WEAVE_CONTROL_SOCKET ?? defaultControlSocket;
  return createClient(existsSync(socket) ? { socketPath: socket } : parseEndpoint("127.0.0.1:6784"));
}
