import type { Container, Engine, EngineEvent } from "../engine/engine.ts";
import { DockerError } from "../errors.ts";

/** An engine in memory that can go away, and whose containers a test sets. */
export interface FakeEngine {
  readonly engine: Engine;
  /** Ids of all containers with their process ids; 0: not running. */
  readonly containers: Map<string, number>;
  /** Sends an event to the follower. */
  emit(event: EngineEvent): void;
  /** The engine stops answering. */
  stop(): void;
  /** The engine answers again. */
  start(): void;
}

/** Makes an engine. Only containers and events are real; images and networks are not there. */
export function createFakeEngine(containers: Map<string, number> = new Map()): FakeEngine {
  let up = true;
  let stream: { onEvent(event: EngineEvent): void; end(): void } | undefined;
  const describe = (id: string): Container => ({
    ...{ id, name: id.slice(0, 12), running: containers.get(id) !== 0, pid: containers.get(id) ?? 0 },
    ...{ hostname: "h", domainname: "", env: [], entrypoint: [], networkMode: "default", hostsPath: "" },
    ...{ extraHosts: [], mounts: [], networks: [], labels: {} },
  });
  const engine: Engine = {
    address: "test",
    container: async (id) => (containers.has(id) ? describe(id) : undefined),
    containers: async () => [...containers].map(([id, pid]) => ({ id, running: pid !== 0 })),
    image: async () => undefined,
    network: async () => undefined,
    createNetwork: async () => {},
    removeNetwork: async () => {},
    kill: async (id) => void containers.set(id, 0),
    follow: ({ onOpen, onEvent, signal }) => {
      if (!up) return Promise.reject(new DockerError("ENGINE_UNREACHABLE", "gone"));
      return new Promise((resolve) => {
        stream = { onEvent, end: resolve };
        signal.addEventListener("abort", () => resolve());
        onOpen();
      });
    },
  };
  return {
    engine,
    containers,
    emit: (event) => stream?.onEvent(event),
    stop() {
      up = false;
      stream?.end();
    },
    start() {
      up = true;
    },
  };
}
