import { stat } from "node:fs/promises";
import { LinksError } from "../errors.ts";
import type { Target } from "../types.ts";

/** Folder of `ip netns`. */
const namedNamespaces = "/run/netns";

/** A namespace that is there. */
export interface Namespace {
  readonly path: string;
  /** The same for all paths of one namespace. */
  readonly identity: string;
}

/** The file that stands for a target's network namespace. */
export function namespacePath(target: Target, procPath = "/proc"): string {
  if ("pid" in target) return `${procPath}/${target.pid}/ns/net`;
  return "path" in target ? target.path : `${namedNamespaces}/${target.name}`;
}

/**
 * The target's namespace, checked: it exists, and is not the host's own network.
 *
 * @throws LinksError LINKS_NO_NAMESPACE, LINKS_HOST_NAMESPACE
 */
export async function resolveNamespace(target: Target, hostNetns: string, procPath?: string): Promise<Namespace> {
  const path = namespacePath(target, procPath);
  const [there, host] = await Promise.all([stat(path).catch(() => undefined), stat(hostNetns)]);
  const name = "pid" in target ? `process ${target.pid}` : path;
  if (!there) throw new LinksError("LINKS_NO_NAMESPACE", `${name} has no network namespace (any more)`);
  if (there.ino === host.ino && there.dev === host.dev)
    throw new LinksError(
      "LINKS_HOST_NAMESPACE",
      `${name} uses the host's own network; attaching it would rewire the host`,
    );
  return { path, identity: `${there.dev}:${there.ino}` };
}
