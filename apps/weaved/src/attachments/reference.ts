import type { Target } from "@weaved/host-links";

/** A container, process, or namespace that can be attached. */
export interface Attachable {
  /** Under which its addresses and names are filed. */
  readonly id: string;
  readonly target: Target;
  /** Fully qualified, when it has a name in the domain. */
  readonly hostname?: string;
  /** False for what no engine looks after: its end must be noticed by watching the process. */
  readonly hasEngine: boolean;
}

/** Finds containers of an engine by id or name; undefined when there is none of that name. */
export type FindContainer = (reference: string) => Promise<Attachable | undefined>;

/** A reference that leads nowhere. */
export class UnknownContainer extends Error {
  override readonly name = "UnknownContainer";
}

/**
 * What a person means: `pid:1234`, `ns:NAME` (of `ip netns`), else a container of the engine.
 *
 * @throws UnknownContainer with what to write instead
 */
export async function resolveReference(reference: string, find: FindContainer | undefined): Promise<Attachable> {
  const pid = /^pid:(\d+)$/.exec(reference)?.[1];
  if (pid !== undefined) return { id: reference, target: { pid: Number(pid) }, hasEngine: false };
  const name = /^ns:([^/]+)$/.exec(reference)?.[1];
  if (name !== undefined) return { id: reference, target: { name }, hasEngine: false };
  const found = await find?.(reference);
  if (found) return found;
  const remedy = find ? "see docker ps" : "this daemon runs without Docker: use pid:PID or ns:NAME";
  throw new UnknownContainer(`no running container ${reference}; ${remedy}`);
}

/** A file that is there as long as the namespace is. */
export function livenessPath(target: Target): string {
  if ("pid" in target) return `/proc/${target.pid}/ns/net`;
  return "path" in target ? target.path : `/run/netns/${target.name}`;
}
