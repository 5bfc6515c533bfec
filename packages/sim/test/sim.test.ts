import { describe, expect, it } from "vitest";
import { createNetwork, createVirtualClock, exponential, seededRandom, simulate } from "../src/index.ts";

describe("virtual clock", () => {
  it("runs events by time, then by the order of asking", () => {
    const clock = createVirtualClock();
    const seen: string[] = [];
    clock.after(20, () => seen.push("c"));
    clock.after(10, () => seen.push("a"));
    clock.after(10, () => seen.push("b"));
    expect(clock.advance(15)).toBe(2);
    expect(clock.now()).toBe(15);
    clock.advance(5);
    expect(seen).toEqual(["a", "b", "c"]);
  });

  it("keeps the order of a hundred thousand random times", () => {
    const clock = createVirtualClock();
    const random = seededRandom(1);
    let last = 0;
    for (let i = 0; i < 100_000; i++) {
      clock.after(random() * 1e6, () => {
        expect(clock.now() >= last).toBe(true);
        last = clock.now();
      });
    }
    expect(clock.drain()).toBe(100_000);
  });

  it("forgets what was cancelled, also twice", () => {
    const clock = createVirtualClock();
    const cancel = clock.after(1, () => expect.unreachable());
    cancel();
    cancel();
    expect(clock.advance(2)).toBe(0);
  });

  it("stops where a condition holds, or says that it never did", () => {
    const clock = createVirtualClock();
    let n = 0;
    const tick = (): void => {
      clock.after(10, () => {
        n++;
        tick();
      });
    };
    tick();
    expect(clock.advanceUntil(() => n === 3, 1000)).toBe(true);
    expect(clock.now()).toBe(30);
    expect(clock.advanceUntil(() => n > 1e6, 1000)).toBe(false);
    expect(clock.now()).toBe(1030);
    expect(() => clock.drain(100)).toThrow(/still busy/);
  });
});

describe("network", () => {
  const make = (options: { loss?: number; ordered?: boolean } = {}) => {
    const clock = createVirtualClock();
    const net = createNetwork<string>({ clock, random: seededRandom(7), latency: exponential(2), ...options });
    return { clock, net };
  };
  const inbox = () => {
    const seen: string[] = [];
    return { seen, on: (_from: string, message: string) => void seen.push(message) };
  };

  it("delivers within a group only, and again after healing", () => {
    const { clock, net } = make();
    const b = inbox();
    const a = net.attach("a", () => {});
    net.attach("b", b.on);
    a.send("b", "on its way");
    net.partition([["a"], ["b"]]);
    a.send("b", "cut");
    clock.drain();
    net.heal();
    a.send("b", "after");
    clock.drain();
    expect(b.seen).toEqual(["after"]);
    expect(net.stats).toMatchObject({ sent: 3, delivered: 1, lost: 2 });
  });

  it("kills the timers of a crashed peer, and starts anew", () => {
    const { clock, net } = make();
    const a = net.attach("a", () => {});
    a.clock.after(10, () => expect.unreachable());
    net.crash("a");
    const again = net.attach("a", () => {});
    let ran = false;
    again.clock.after(10, () => {
      ran = true;
    });
    clock.advance(20);
    expect(ran).toBe(true);
  });

  it("loses about the share that was asked for", () => {
    const { clock, net } = make({ loss: 0.1 });
    const a = net.attach("a", () => {});
    net.attach("b", () => {});
    for (let i = 0; i < 10_000; i++) a.send("b", "x");
    clock.drain();
    expect(net.stats.lost).toBeGreaterThan(850);
    expect(net.stats.lost).toBeLessThan(1150);
  });

  it("keeps the order between two peers if asked", () => {
    const { clock, net } = make({ ordered: true });
    const b = inbox();
    const a = net.attach("a", () => {});
    net.attach("b", b.on);
    const sent = Array.from({ length: 100 }, (_, i) => String(i));
    for (const message of sent) a.send("b", message);
    clock.drain();
    expect(b.seen).toEqual(sent);
  });

  it("shows each peer its own time", () => {
    const { clock, net } = make();
    const a = net.attach("a", () => {});
    net.skew("a", 1000, 2);
    let ran = -1;
    a.clock.after(100, () => {
      ran = clock.now();
    });
    clock.advance(60);
    expect(ran).toBe(50);
    expect(a.clock.now()).toBe(1120);
  });
});

describe("simulate", () => {
  it("repeats a run exactly from its seed, and names the seed when it fails", () => {
    const run = (seed: number) =>
      simulate<string, number>(seed, { loss: 0.2, latency: exponential(5) }, ({ clock, network }) => {
        const log: string[] = [];
        const a = network.attach("a", () => {});
        network.attach("b", (_from, n) => log.push(`${n}@${clock.now()}`));
        for (let i = 0; i < 50; i++) a.send("b", i);
        clock.drain();
        return log.join();
      });
    expect(run(42)).toBe(run(42));
    expect(run(42)).not.toBe(run(43));
    expect(() =>
      simulate(9, {}, () => {
        throw new Error("broken");
      }),
    ).toThrow("seed 9, at 0.0 ms: broken");
  });
});
