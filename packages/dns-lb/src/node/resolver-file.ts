/** The host's resolver file, as it is now. */
import { readFile, stat } from "node:fs/promises";
import type { Logger } from "../ports.ts";
import { parseResolvConf, type Upstream } from "../resolv-conf.ts";

/** How long one look at the file is good for. The original's 5 s, made shorter because a look costs 0.1 ms. */
const freshMs = 1000;

/** Where a server listens: what must not be asked. */
export interface ListenAddress {
  readonly address: string;
  readonly port: number;
}

/**
 * Servers of a resolver file, read again when it changed (however: in place, or replaced by another file), less those that
 * are ourselves. An unreadable file leaves the last known servers.
 */
export function watchResolverFile(
  path: string,
  own: () => readonly ListenAddress[],
  now: () => number,
  logger: Logger,
): () => Promise<readonly Upstream[]> {
  let servers: readonly Upstream[] = [];
  let lookedAt = Number.NEGATIVE_INFINITY;
  let seen = "";
  return async () => {
    if (now() - lookedAt < freshMs) return servers;
    lookedAt = now();
    try {
      const { mtimeMs, ino, size } = await stat(path);
      const mark = `${mtimeMs} ${ino} ${size}`;
      if (mark !== seen) {
        const listed = parseResolvConf(await readFile(path, "utf8"));
        servers = listed.filter((server) => !isOwn(server, own()));
        seen = mark;
        logger.info("upstream name servers", { path, servers: servers.map(({ address }) => address) });
      }
    } catch (error) {
      logger.warn("resolver file cannot be read; keeping the servers known so far", { path, error });
    }
    return servers;
  };
}

/** Whether asking `server` means asking us. Less certain cases (we listen on all addresses) are found by the forwarder's probe. */
export const isOwn = (server: Upstream, own: readonly ListenAddress[]): boolean =>
  own.some(({ address, port }) => address === server.address && port === (server.port ?? 53));
