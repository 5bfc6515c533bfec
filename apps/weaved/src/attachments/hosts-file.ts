import { copyFile, rename, writeFile } from "node:fs/promises";

/** What goes into a container's /etc/hosts. */
export interface HostsEntries {
  /** Fully qualified, with or without final dot; a bare name when the container is in no domain. */
  readonly hostname: string;
  readonly addresses: readonly string[];
  /** `NAME:ADDRESS`, as given to `--add-host`. */
  readonly extra: readonly string[];
}

/** The whole file: the container's own names at its addresses in the network, what its owner added, localhost. */
export function hostsText({ hostname, addresses, extra }: HostsEntries): string {
  const fqdn = hostname.replace(/\.$/, "");
  const short = fqdn.split(".")[0]!;
  const names = fqdn === short ? short : `${fqdn} ${short}`;
  const added = extra.flatMap((entry) => {
    const colon = entry.indexOf(":");
    return colon > 0 ? [row(entry.slice(colon + 1), entry.slice(0, colon))] : [];
  });
  return [
    "# by weaved: this container in the network",
    ...addresses.map((address) => row(address, names)),
    "# --add-host",
    ...added,
    "# this machine",
    row("127.0.0.1", "localhost"),
    row("::1", "ip6-localhost ip6-loopback"),
    row("ff02::1", "ip6-allnodes"),
    row("ff02::2", "ip6-allrouters"),
    "",
  ].join("\n");
}

function row(address: string, names: string): string {
  return `${address.padEnd(15)} ${names}`;
}

/**
 * Writes the file in place, because the container has this very inode mounted, then puts a copy at its path: what the engine
 * writes there later, for its own networks, no longer reaches the container.
 */
export async function rewriteHosts(path: string, entries: HostsEntries): Promise<void> {
  await writeFile(path, hostsText(entries), { flag: "r+" }).catch(() => writeFile(path, hostsText(entries)));
  const copy = `${path}.weave`;
  await copyFile(path, copy);
  await rename(copy, path);
}
