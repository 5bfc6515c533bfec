import type { Container, Engine } from "../engine/engine.ts";
import type { ContainerObserver } from "../engine/watch.ts";
import { isProxied } from "../intercept/intercept.ts";
import type { Clock, Logger, Metrics } from "../ports.ts";
import { verdictOn } from "./rules.ts";

/** Milliseconds until a container that could not be attached is tried again; each wait is 1.5 times the last. */
const retry = { firstMs: 2000, maxMs: 60_000 };
/** How long after a start the engine's event may take before we act without it, in milliseconds. */
const eventWithinMs = 2000;

/** Puts containers on the network. */
export interface ContainerAttachments {
  /** `addresses` empty: one of the default subnet. */
  attach(request: {
    readonly container: string;
    readonly addresses: readonly string[];
    readonly dns: boolean;
    readonly rewriteHosts: boolean;
    readonly multicastRoute: boolean;
  }): Promise<unknown>;
}

/** What attaching of proxied containers needs. */
export interface AttacherOptions {
  readonly engine: Pick<Engine, "container">;
  readonly attachments: ContainerAttachments;
  readonly noDefault: boolean;
  readonly dns: boolean;
  readonly rewriteHosts: boolean;
  readonly multicastRoute: boolean;
  /** Is there still such a process? The engine hears of its end later than the kernel. */
  readonly isAlive: (process: { readonly pid: number }) => boolean;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** Attaches containers that were made through the proxy, whoever starts them. */
export interface Attacher extends ContainerObserver {
  /** Is it for us to attach it? */
  attaches(container: Container): boolean;
  /** Resolves when a container that was just started is attached, or need not be; rejects if it cannot be. */
  started(id: string): Promise<void>;
  close(): void;
}

/** One process of a container, being attached or attached. */
interface Job {
  readonly pid: number;
  readonly done: Promise<void>;
  stop(): void;
}

/** Makes the attacher. */
export function createAttacher(options: AttacherOptions): Attacher {
  const { engine, attachments, noDefault, clock, logger, metrics } = options;
  /** Bounded by: running containers made through the proxy. */
  const jobs = new Map<string, Job>();
  /** Bounded by: start requests that wait for an event. */
  const waiting = new Set<() => void>();

  const attaches = (container: Container) => isProxied(container) && verdictOn(container, { noDefault }).attach;

  function attach(container: Container): Promise<void> {
    const known = jobs.get(container.id);
    if (known?.pid === container.pid) return known.done;
    known?.stop();
    const began = clock.now();
    const done = attachOnce(container).then(() =>
      metrics.observe("proxy_attach_seconds", (clock.now() - began) / 1000),
    );
    const job = { pid: container.pid, done, stop: () => {} };
    jobs.set(container.id, job);
    // Who started it hears of the failure; if nobody did, there will be another try.
    done.catch((error: Error) => {
      if (jobs.get(container.id) === job) tryAgain(container, job, error, retry.firstMs);
    });
    for (const wake of [...waiting]) wake();
    return done;
  }

  async function attachOnce({ id, pid, networkMode, env }: Container): Promise<void> {
    const verdict = verdictOn({ networkMode, env }, { noDefault });
    if (!verdict.attach) return;
    const { dns, rewriteHosts, multicastRoute } = options;
    try {
      await attachments.attach({ container: id, addresses: verdict.addresses, dns, rewriteHosts, multicastRoute });
    } catch (error) {
      // What was not attached still waits; what has ended was attached long enough, or was stopped.
      if (options.isAlive({ pid })) throw error;
    }
  }

  function tryAgain(container: Container, job: { stop(): void }, error: Error, waitMs: number): void {
    metrics.count("proxy_attach_failures_total");
    logger.warn(`cannot attach ${container.name}: ${error.message}; trying again in ${Math.round(waitMs / 1000)} s`, {
      code: "PROXY_ATTACH",
      container: container.id,
    });
    job.stop = clock.after(waitMs, () => {
      const next = Math.min(waitMs * 1.5, retry.maxMs);
      attachOnce(container).catch((again: Error) => {
        if (jobs.get(container.id) === job) tryAgain(container, job, again, next);
      });
    });
  }

  function forget(id: string): void {
    jobs.get(id)?.stop();
    jobs.delete(id);
  }

  /** Resolves when the event of this start has come, or should have. */
  async function untilSeen({ id, pid }: Container): Promise<void> {
    const seen = () => jobs.get(id)?.pid === pid;
    if (seen()) return;
    await new Promise<void>((resolve) => {
      const check = () => {
        if (seen()) finish();
      };
      const finish = () => {
        cancel();
        waiting.delete(check);
        resolve();
      };
      const cancel = clock.after(eventWithinMs, finish);
      waiting.add(check);
    });
  }

  return {
    attaches,
    async running(container) {
      if (isProxied(container)) await attach(container).catch(() => {});
    },
    async stopped(id) {
      forget(id);
    },
    async removed(id) {
      forget(id);
    },
    async started(id) {
      const container = await engine.container(id);
      if (!container?.running || !isProxied(container)) return;
      // Events come in order: the end of the process before must be dealt with first.
      await untilSeen(container);
      await attach(container);
    },
    close() {
      for (const id of [...jobs.keys()]) forget(id);
    },
  };
}
