import type { Container, ContainerObserver } from "@weaved/docker-proxy";
import type { Attachments } from "../attachments/attachments.ts";
import { toAttachable } from "./attachable.ts";

/** What the allocator is told of containers; `@weaved/ipam-ring` offers it. */
export interface ContainerAddresses {
  containerStarted(id: string): void;
  /** Keeps the addresses for a while, because a restart wants the same. */
  containerDied(id: string): void;
  containerDestroyed(id: string): void;
  /** Frees those of containers that do not exist any more. */
  keepOnly(ids: Iterable<string>): void;
}

/** What names are told of containers; `@weaved/dns-lb` offers it. */
export interface ContainerNames {
  containerDied(id: string): void;
  setHealth(id: string, isHealthy: boolean): void;
  /** Withdraws names of containers that do not run. */
  retain(isRunning: (id: string) => boolean): void;
}

/** What is kept in step with the life of containers. */
export interface LifecycleOptions {
  readonly attachments: Pick<Attachments, "returned" | "ended" | "removed" | "ofEngine">;
  readonly addresses?: ContainerAddresses;
  readonly names?: ContainerNames;
  /** Another observer attaches it when it runs, by rules of its own. */
  readonly attachedElsewhere?: (container: Container) => boolean;
}

/**
 * Death withdraws a container's names at once, and frees its addresses half a minute later, so that a restart finds them
 * again; removal frees them at once; return puts back what the container had.
 */
export function createLifecycle(options: LifecycleOptions): ContainerObserver {
  const { attachments, addresses, names, attachedElsewhere } = options;
  async function stopped(id: string): Promise<void> {
    addresses?.containerDied(id);
    names?.containerDied(id);
    await attachments.ended(id);
  }

  return {
    stopped,
    async health(id, isHealthy) {
      names?.setHealth(id, isHealthy);
    },
    async running(container) {
      addresses?.containerStarted(container.id);
      // A container without a HEALTHCHECK, or whose check has not spoken yet, counts as healthy.
      if (container.health !== undefined) names?.setHealth(container.id, container.health !== "unhealthy");
      if (!attachedElsewhere?.(container)) await attachments.returned(toAttachable(container));
    },
    async removed(id) {
      addresses?.containerDestroyed(id);
      await attachments.removed(id);
    },
    async synced(all) {
      const ids = new Set(all.map(({ id }) => id));
      const living = new Set(all.filter(({ running }) => running).map(({ id }) => id));
      addresses?.keepOnly(ids);
      names?.retain((id) => !isContainerId(id) || living.has(id));
      for (const id of new Set([...attachments.ofEngine(), ...ids])) {
        if (living.has(id)) continue;
        await stopped(id);
        if (!ids.has(id)) await attachments.removed(id);
      }
    },
  };
}

/** Names of the host itself, of namespaces, of what is no container are filed under other ids. */
function isContainerId(id: string): boolean {
  return /^[0-9a-f]{64}$/.test(id);
}
