import { describe, expect, it, vi } from "vitest";
import { type Container, type Engine, EngineError, type EngineEvent } from "../../src/docker/engine.ts";
import { createLifecycle } from "../../src/docker/lifecycle.ts";
import { watchContainers } from "../../src/docker/watch.ts";

const quiet = { debug() {}, info() {}, warn() {}, error() {} };
const metrics = { count() {}, gauge() {}, observe() {} };
const never = { now: () => 0, after: () => () => {} };
const idOf = (letter: string) => letter.repeat(64);

/** An engine that can go away, and whose containers a test sets. */
function createEngine(containers: Map<string, number>) {
  let up = true;
  let stream: { onEvent(event: EngineEvent): void; end(): void } | undefined;
  const engine: Pick<Engine, "address" | "container" | "containers" | "follow"> = {
    address: "test",
    container: async (id) =>
      ({ id, running: containers.get(id) !== 0, pid: containers.get(id) ?? 0, hostname: "h" }) as Container,
    containers: async () => [...containers].map(([id, pid]) => ({ id, running: pid !== 0 })),
    follow: ({ onOpen, onEvent, signal }) => {
      if (!up) return Promise.reject(new EngineError("ENGINE_UNREACHABLE", "gone"));
      return new Promise((resolve) => {
        stream = { onEvent, end: resolve };
        signal.addEventListener("abort", () => resolve());
        onOpen();
      });
    },
  };
  return {
    engine: engine as Engine,
    tell: (event: EngineEvent) => stream?.onEvent(event),
    stop() {
      up = false;
      stream?.end();
    },
    start() {
      up = true;
    },
  };
}

describe("watching containers", () => {
  it("tells of those that run at first contact, then of each start, in the order of events", async () => {
    const seen: string[] = [];
    const fake = createEngine(
      new Map([
        [idOf("a"), 1],
        [idOf("b"), 0],
      ]),
    );
    const observer = {
      synced: async (all: readonly { id: string }[]) => void seen.push(`synced ${all.length}`),
      running: async ({ id }: Container) => void seen.push(`running ${id[0]}`),
      stopped: async (id: string) => void seen.push(`stopped ${id[0]}`),
      removed: async (id: string) => void seen.push(`removed ${id[0]}`),
    };
    const watch = watchContainers({
      engine: fake.engine,
      observers: [observer],
      clock: never,
      logger: quiet,
      metrics,
    });
    await watch.settled;
    expect(seen).toEqual(["synced 2", "running a"]);
    fake.tell({ what: "die", id: idOf("a") });
    fake.tell({ what: "start", id: idOf("a") });
    fake.tell({ what: "destroy", id: idOf("a") });
    await vi.waitFor(() => expect(seen.slice(2)).toEqual(["stopped a", "running a", "removed a"]));
    await watch.close();
  });

  it("says once that the engine is gone, tries ever more slowly, and looks at everything again when it is back", async () => {
    const waits: number[] = [];
    let wake = () => {};
    const after = (ms: number, fn: () => void) => {
      // The limit on the first look at everything is not a wait.
      if (ms === 2000) return () => {};
      waits.push(ms);
      wake = fn;
      return () => {};
    };
    const lines: string[] = [];
    const logger = { ...quiet, warn: (text: string) => lines.push(text), info: (text: string) => lines.push(text) };
    const synced = vi.fn(async () => {});
    const fake = createEngine(new Map());
    const watch = watchContainers({
      engine: fake.engine,
      observers: [{ synced, running: async () => {} }],
      clock: { now: () => 0, after },
      logger,
      metrics,
    });
    await watch.settled;
    fake.stop();
    for (let tries = 1; tries <= 20; tries++) {
      await vi.waitFor(() => expect(waits.length).toBe(tries));
      wake();
    }
    expect(watch.connected).toBe(false);
    expect(waits.slice(0, 3)).toEqual([100, 150, 225]);
    expect(Math.max(...waits)).toBe(5000);
    expect(lines).toEqual(["following Docker at test", "Docker went away; trying again until it answers"]);
    // The last wake-up has not been acted on yet.
    fake.start();
    await vi.waitFor(() => expect(synced).toHaveBeenCalledTimes(2));
    expect(lines.at(-1)).toBe("Docker is back");
    await watch.close();
  });
});

describe("the life of a container", () => {
  it("missed deaths and removals are made up for when the engine is seen again", async () => {
    const calls: string[] = [];
    const note = (what: string) => async (id: string) => void calls.push(`${what} ${id[0]}`);
    const lifecycle = createLifecycle({
      attachments: {
        returned: async () => {},
        ended: note("ended"),
        removed: note("removed"),
        ofEngine: () => [idOf("a"), idOf("b"), idOf("c")],
      },
      addresses: {
        containerStarted: () => {},
        containerDied: (id) => calls.push(`died ${id[0]}`),
        containerDestroyed: () => {},
        keepOnly: (ids) => calls.push(`keep ${[...ids].map((id) => id[0]).join("")}`),
      },
      names: {
        containerDied: () => {},
        retain: (isRunning) =>
          calls.push(`names ${[idOf("a"), idOf("b"), "pid:1", "weave:extern"].filter(isRunning).map((id) => id[0])}`),
      },
    });
    await lifecycle.synced?.([
      { id: idOf("a"), running: true },
      { id: idOf("b"), running: false },
    ]);
    expect(calls).toEqual(["keep ab", "names a,p,w", "died b", "ended b", "died c", "ended c", "removed c"]);
  });
});
