import type { Container } from "@weaved/docker-proxy";
import { describe, expect, it } from "vitest";
import { createLifecycle } from "../../src/services/lifecycle.ts";

const idOf = (letter: string) => letter.repeat(64);

describe("the life of a container", () => {
  it("announces the result of its HEALTHCHECK, found at the start or told later", async () => {
    const calls: unknown[] = [];
    const nothing = async () => {};
    const lifecycle = createLifecycle({
      attachments: { returned: nothing, ended: nothing, removed: nothing, ofEngine: () => [] },
      names: {
        containerDied: () => {},
        retain: () => {},
        setHealth: (id, isHealthy) => void calls.push([id[0], isHealthy]),
      },
    });
    const container = (letter: string, health: string | undefined) => ({ id: idOf(letter), health }) as Container;
    for (const [letter, health] of [
      ["a", "unhealthy"],
      ["b", "starting"],
      ["c", "healthy"],
      ["d", undefined],
    ] as const) {
      await lifecycle.running(container(letter, health));
    }
    await lifecycle.health?.(idOf("c"), false);
    expect(calls).toEqual([
      ["a", false],
      ["b", true],
      ["c", true],
      ["c", false],
    ]);
  });

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
        setHealth: () => {},
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
