import { describe, expect, it } from "vitest";
import { explore } from "./support/explore.ts";
import { drawHistory, drawWorld, runHistory, shrink } from "./support/history.ts";
import { Violation, World } from "./support/world.ts";

describe("random histories", () => {
  it("never give one address to two containers, lose no space, converge (100 seeds)", () => {
    for (let seed = 1; seed <= 100; seed++) {
      const violation = runHistory(drawWorld(seed), drawHistory(seed, 120));
      expect(violation?.message, `seed ${seed}`).toBeUndefined();
    }
  });

  it("hold where they once did not: claimants that withdrew, votes that were not saved, proposals of an earlier life", () => {
    for (const seed of [1001459, 1003150, 1007362, 1013841, 6006666, 8008121]) {
      expect(runHistory(drawWorld(seed), drawHistory(seed, 120, true))?.message, `seed ${seed}`).toBeUndefined();
    }
  });

  it("hold where a new machine takes a dead one's name, which happens in one of four hundred", () => {
    let replaced = 0;
    class Counting extends World {
      override replace(host: World["hosts"][number]): void {
        replaced++;
        super.replace(host);
      }
    }
    for (const seed of [385, 558, 1243]) {
      const violation = runHistory(drawWorld(seed), drawHistory(seed, 120, true), (options) => new Counting(options));
      expect(violation?.message, `seed ${seed}`).toBeUndefined();
    }
    expect(replaced).toBeGreaterThan(0);
  });

  it("are repeated exactly from their seed", () => {
    const run = () => {
      const world = new World({ ...drawWorld(7), peers: 4 });
      for (let i = 0; i < 20; i++) world.allocate(world.host(1 + (i % 4)));
      world.settle();
      return JSON.stringify(world.alive().map(({ core }) => core!.replica.ring));
    };
    expect(run()).toBe(run());
  });

  it("shrink to the events that matter", () => {
    const options = drawWorld(3);
    const events = drawHistory(3, 60);
    // A world in which every heal ends in a violation stands in for a bug.
    class Broken extends World {
      override check(): void {
        if (this.counter > 0) throw new Violation("a container was started");
      }
    }
    const run = (list: typeof events) => runHistory(options, list, (given) => new Broken(given));
    expect(run(events)?.message).toBe("a container was started");
    const short = shrink(options, events, (given) => new Broken(given));
    expect(short).toHaveLength(1);
    expect(["allocate", "claim"]).toContain(short[0]!.do);
  });
});

describe("a small world of 3 peers, 8 addresses", () => {
  it("has no violation in any interleaving of 6 steps", () => {
    const { states, violation } = explore(6);
    expect(violation).toBeUndefined();
    expect(states.length).toBe(7);
    expect(states.at(-1)).toBeGreaterThan(3000);
  });
});
