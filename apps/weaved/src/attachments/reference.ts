import type { Target } from "@weaved/host-links";
import { WeavedError } from "../values/error.ts";
import type { Rights } from "./rights.ts";

/**
 * Who tells us that an attachment is over: the engine by an event, the namespace by vanishing, or its maker by detaching it,
 * whatever becomes of the namespace (CNI).
 */
export type Keeper = "engine" | "namespace" | "maker";

/** A container, process, or namespace that can be attached. */
export interface Attachable {
  /** Under which its addresses and names are filed. */
  readonly id: string;
  readonly target: Target;
  /** Fully qualified, when it has a name in the domain. */
  readonly hostname?: string;
  readonly keeper: Keeper;
  /** What its labels allow it to say besides its own addresses. */
  readonly rights?: Rights;
  /** What the container sees as /etc/hosts, and the entries its owner wants there (`NAME:ADDRESS`). */
  readonly hostsFile?: { readonly path: string; readonly extra: readonly string[] };
}

/** Finds containers of an engine by id or name; undefined when there is none of that name, or it does not run. */
export type FindContainer = (reference: string) => Promise<Attachable | undefined>;

/**
 * What a person means: `pid:1234`, `ns:NAME` (of `ip netns`), `path:/run/netns/NAME`, else a container of the engine.
 *
 * @throws WeavedError with what to write instead
 */
export async function resolveReference(reference: string, find: FindContainer | undefined): Promise<Attachable> {
  const [, kind, rest] = /^(pid|ns|path):(.+)$/.exec(reference) ?? [];
  const own = (target: Target): Attachable => ({ id: reference, target, keeper: "namespace" });
  if (kind === "pid" && /^\d+$/.test(rest!)) return own({ pid: Number(rest) });
  if (kind === "ns" && !rest!.includes("/")) return own({ name: rest! });
  if (kind === "path" && rest!.startsWith("/")) return own({ path: rest! });
  const found = await find?.(reference);
  if (found) return found;
  const remedy = find ? "see docker ps" : "this daemon runs without Docker: use pid:PID or ns:NAME";
  throw new WeavedError("CONTAINER_UNKNOWN", `no running container ${reference}; ${remedy}`);
}

/** A file that is there as long as the namespace is. */
export function livenessPath(target: Target): string {
  if ("pid" in target) return `/proc/${target.pid}/ns/net`;
  return "path" in target ? target.path : `/run/netns/${target.name}`;
}
