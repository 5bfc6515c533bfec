import type { Names } from "@weaved/dns-lb";
import type { Container, Engine } from "@weaved/docker-proxy";
import { type ContainerObserver, watchContainers } from "@weaved/docker-proxy";
import { systemClock } from "@weaved/gossip-mesh/node";
import type { Allocator } from "@weaved/ipam-ring";
import type { Attachments } from "../attachments/attachments.ts";
import type { Metrics } from "../diagnostics/metrics.ts";
import type { Logger } from "../logging.ts";
import { createLifecycle } from "./lifecycle.ts";

/** What following an engine's containers needs. */
export interface ContainersOptions {
  readonly engine: Engine;
  readonly attachments: Attachments;
  readonly ipam: Allocator | undefined;
  readonly names: Names | undefined;
  /** Told after addresses and names are in step. */
  readonly observers: readonly ContainerObserver[];
  /** One of the observers attaches it. */
  readonly attachedElsewhere: ((container: Container) => boolean) | undefined;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** Follows the engine from now on; resolves when what already runs is taken up, or the engine does not answer. */
export async function startContainers(options: ContainersOptions): Promise<{ close(): Promise<void> }> {
  const { engine, attachments, ipam, names, observers, attachedElsewhere, logger, metrics } = options;
  const lifecycle = createLifecycle({
    attachments,
    ...(ipam && { addresses: ipam }),
    ...(names && { names }),
    ...(attachedElsewhere && { attachedElsewhere }),
  });
  const watch = watchContainers({ engine, observers: [lifecycle, ...observers], clock: systemClock, logger, metrics });
  await watch.settled;
  return watch;
}

/** Does a container run? Said to be so when there is nobody to ask. */
export function aliveIn(engine: Engine | undefined): (id: string) => Promise<boolean> {
  return async (id) => {
    if (!engine) return true;
    try {
      return (await engine.container(id))?.running ?? false;
    } catch {
      return true;
    }
  };
}
