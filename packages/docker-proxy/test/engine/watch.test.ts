import { describe, expect, it, vi } from "vitest";
import type { Container } from "../../src/engine/engine.ts";
import { watchContainers } from "../../src/engine/watch.ts";
import { createFakeEngine } from "../../src/testing/index.ts";

const quiet = { debug() {}, info() {}, warn() {}, error() {} };
const metrics = { count() {}, gauge() {}, observe() {} };
const never = { now: () => 0, after: () => () => {} };
const idOf = (letter: string) => letter.repeat(64);

describe("watching containers", () => {
  it("tells of those that run at first contact, then of each start, in the order of events", async () => {
    const seen: string[] = [];
    const fake = createFakeEngine(
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
    fake.emit({ what: "die", id: idOf("a") });
    fake.emit({ what: "start", id: idOf("a") });
    fake.emit({ what: "destroy", id: idOf("a") });
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
    const fake = createFakeEngine(new Map());
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
