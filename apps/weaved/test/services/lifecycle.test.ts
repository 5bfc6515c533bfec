import { describe, expect, it } from "vitest";
import { createLifecycle } from "../../src/services/lifecycle.ts";

const idOf = (letter: string) => letter.repeat(64);

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
