import { DockerError } from "../errors.ts";

/** Where an engine listens: what `node:http` and `node:net` take. */
export type DockerAddress = { readonly socketPath: string } | { readonly host: string; readonly port: number };

/**
 * Reads `unix:///var/run/docker.sock`, `/var/run/docker.sock`, `tcp://host:port`, `host:port`.
 *
 * @throws DockerError for anything else
 */
export function parseDockerAddress(text: string): DockerAddress {
  if (text.startsWith("unix://")) return { socketPath: text.slice("unix://".length) };
  if (text.startsWith("/")) return { socketPath: text };
  const [, host, port] = /^(?:(?:tcp|http):\/\/)?(\[[^\]]+\]|[^:/]+):(\d{1,5})\/?$/.exec(text) ?? [];
  if (host === undefined || Number(port) > 65535)
    throw new DockerError(
      "ADDRESS_INVALID",
      `cannot use "${text}" as Docker's API: expected unix:///path or tcp://host:port`,
    );
  return { host: host.replace(/^\[|\]$/g, ""), port: Number(port) };
}
