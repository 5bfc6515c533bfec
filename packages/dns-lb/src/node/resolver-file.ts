/** The host's resolver file, as it is now. */
import { readFile, stat } from "node:fs/promises";
import type { Logger } from "../ports.ts";
import { parseResolvConf, type Upstream } from "../resolv-conf.ts";
import type { ListenAddress } from "./listeners.ts";

/** How long one look at the file is good for. Weave Net 2.8 looks every 5 s; a look costs 0.1 ms, so this is shorter. */
const FRESH_MS = 1000;

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
    if (now() - lookedAt >= FRESH_MS) {
      lookedAt = now();
      try {
        const { mtimeMs, ino, size } = await stat(path);
        const mark = `${mtimeMs} ${ino} ${size}`;
        if (mark !== seen) {
          servers = parseResolvConf(await readFile(path, "utf8"));
          seen = mark;
          logger.info("upstream name servers", { path, servers: servers.map(({ address }) => address) });
        }
      } catch (error) {
        logger.warn("resolver file cannot be read; the servers read last are kept", { path, error });
      }
    }
    return withoutOwn(servers, own());
  };
}

/** Servers other than this one, which follows the addresses of the host. Loops over others are found by the forwarder's probe. */
export const withoutOwn = (servers: readonly Upstream[], own: readonly ListenAddress[]): readonly Upstream[] =>
  servers.filter(
    (server) => !own.some(({ address, port }) => address === server.address && port === (server.port ?? 53)),
  );
