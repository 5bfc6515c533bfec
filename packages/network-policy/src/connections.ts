import { evaluate, type Flow } from "./evaluate.ts";
import { verdictName } from "./verdict-name.ts";
import type { World } from "./world.ts";

/** A connection that policies deny now. */
export interface DeniedConnection<C extends Flow> {
  readonly connection: C;
  /** What denies it, such as `Policy db-from-web ingress 0`. */
  readonly by: string;
}

/**
 * The connections that policies deny now, with the rule that denies each: what a change of policies has to end. The caller gives the
 * addresses of the original source and of the real destination, behind any NAT.
 */
export function deniedConnections<C extends Flow>(world: World, connections: Iterable<C>): DeniedConnection<C>[] {
  const denied: DeniedConnection<C>[] = [];
  for (const connection of connections) {
    const { egress, ingress } = evaluate(world, connection);
    if (egress?.allow === false) denied.push({ connection, by: verdictName(egress.by, "egress") });
    else if (ingress?.allow === false) denied.push({ connection, by: verdictName(ingress.by, "ingress") });
  }
  return denied;
}
