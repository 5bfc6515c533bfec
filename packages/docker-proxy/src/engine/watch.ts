import type { Clock, Logger, Metrics } from "../ports.ts";
import type { Container, Engine, EngineEvent } from "./engine.ts";

/** Milliseconds until the first try after the engine was lost, and the longest wait; each wait is 1.5 times the last. */
const retry = { firstMs: 100, maxMs: 5000 };
/** How long the first look at everything may take before the daemon goes on without it, in milliseconds. */
const settleWithinMs = 2000;
/** How many containers are looked at together when an engine (re)appears. */
const inspectAtOnce = 8;

/** A container as the list of all containers shows it. */
export interface ListedContainer {
  readonly id: string;
  readonly running: boolean;
}

/** Who wants to know about containers, in the order of events; what they throw is logged. */
export interface ContainerObserver {
  /** The engine (re)appeared, and these are all its containers: deaths may have been missed. `running` follows for each. */
  synced?(all: readonly ListedContainer[]): Promise<void>;
  /**
   * It runs: just started, or found running. May be called again for the same process. May take its time, for an address say:
   * later events are told meanwhile.
   */
  running(container: Container): Promise<void>;
  /** Its HEALTHCHECK has a new result. */
  health?(id: string, isHealthy: boolean): Promise<void>;
  stopped?(id: string): Promise<void>;
  removed?(id: string): Promise<void>;
}

/** A watcher that runs until closed. */
export interface ContainerWatch {
  /** Is the engine answering? */
  readonly connected: boolean;
  /** Resolves once everything found at the first contact is dealt with, or the first contact failed. */
  readonly settled: Promise<void>;
  close(): Promise<void>;
}

/** What watching needs. */
export interface WatchOptions {
  readonly engine: Engine;
  /** In this order. */
  readonly observers: readonly ContainerObserver[];
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** Follows the engine's containers for as long as it lives, through any number of its restarts. */
export function watchContainers({ engine, observers, clock, logger, metrics }: WatchOptions): ContainerWatch {
  const stop = new AbortController();
  const complain = (error: Error) => logger.error(error.message, { code: "DOCKER_CONTAINER" });
  const queue = createQueues(complain);
  /** Bounded by: containers being attached at this moment. */
  const tasks = new Set<Promise<void>>();
  let connected: boolean | undefined;
  let settle = () => {};
  const settled = new Promise<void>((resolve) => {
    settle = resolve;
  });

  function say(now: boolean, why = ""): void {
    if (connected === now) return;
    const first = connected === undefined;
    connected = now;
    metrics.gauge("docker_connected", now ? 1 : 0);
    if (now)
      logger.info(first ? `following Docker at ${engine.address}` : "Docker is back", { code: "DOCKER_CONNECTED" });
    else {
      metrics.count("docker_connection_losses_total");
      logger.warn(`${why || "Docker went away"}; trying again until it answers`, { code: "DOCKER_UNREACHABLE" });
    }
  }

  async function running(id: string): Promise<void> {
    const container = await engine.container(id);
    if (!container?.running) return;
    for (const observer of observers) {
      const task: Promise<void> = observer.running(container).catch(complain);
      tasks.add(task);
      void task.then(() => tasks.delete(task));
    }
  }

  function onEvent({ what, id }: EngineEvent): void {
    metrics.count("docker_events_total", 1, { event: what });
    void queue(id, async () => {
      if (what === "start") return running(id);
      for (const observer of observers) {
        if (what === "die") await observer.stopped?.(id);
        else if (what === "destroy") await observer.removed?.(id);
        else await observer.health?.(id, what === "healthy");
      }
    });
  }

  async function sync(): Promise<void> {
    const all = await engine.containers();
    for (const observer of observers) await observer.synced?.(all);
    const living = all.filter((listed) => listed.running);
    for (let at = 0; at < living.length; at += inspectAtOnce)
      await Promise.all(living.slice(at, at + inspectAtOnce).map(({ id }) => queue(id, () => running(id))));
  }

  async function run(): Promise<void> {
    let waitMs = retry.firstMs;
    while (!stop.signal.aborted) {
      let syncing: Promise<void> | undefined;
      const onOpen = () => {
        waitMs = retry.firstMs;
        say(true);
        syncing = sync().catch((error: Error) => logger.warn(error.message, { code: "DOCKER_SYNC" }));
        void syncing.then(() => Promise.all(tasks)).then(settle);
      };
      try {
        await engine.follow({ signal: stop.signal, onOpen, onEvent });
        if (!stop.signal.aborted) say(false);
      } catch (error) {
        if (!stop.signal.aborted) say(false, (error as Error).message);
      }
      await syncing;
      if (!connected) settle();
      if (!stop.signal.aborted) await pause(clock, waitMs, stop.signal);
      waitMs = Math.min(waitMs * 1.5, retry.maxMs);
    }
  }

  // An engine that hangs must not keep the daemon from starting.
  void pause(clock, settleWithinMs, stop.signal).then(settle);
  const ended = run();
  return {
    get connected() {
      return connected === true;
    },
    settled,
    async close() {
      stop.abort();
      await ended;
    },
  };
}

function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      cancel();
      signal.removeEventListener("abort", done);
      resolve();
    };
    const cancel = clock.after(ms, done);
    signal.addEventListener("abort", done);
  });
}

/** Tasks of one key run one after the other; the promise returned resolves when the task is over, however it went. */
function createQueues(onError: (error: Error) => void): (key: string, task: () => Promise<void>) => Promise<void> {
  /** Bounded by: containers with something to do at this moment. */
  const tails = new Map<string, Promise<void>>();
  return (key, task) => {
    const tail = (tails.get(key) ?? Promise.resolve()).then(task).catch(onError);
    tails.set(key, tail);
    return tail.finally(() => {
      if (tails.get(key) === tail) tails.delete(key);
    });
  };
}
