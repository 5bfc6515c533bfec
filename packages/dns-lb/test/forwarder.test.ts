import { createVirtualClock, type VirtualClock } from "@weaved/sim";
import { describe, expect, it } from "vitest";
import { createForwarder, type Exchange, type Forwarder } from "../src/forwarder.ts";
import { readQuestion } from "../src/message.ts";
import { silentLogger } from "../src/ports.ts";
import type { Upstream } from "../src/resolv-conf.ts";
import { query } from "./support/queries.ts";

/** What a server does with a question: replies after 10 ms, or after some time, or never, or with an error. */
type Behaviour = (message: Uint8Array) => Uint8Array | { ms: number; reply: Uint8Array } | "silent" | "broken";

interface Lab {
  readonly clock: VirtualClock;
  readonly forwarder: Forwarder;
  /** Server and time of every question that was not a probe. */
  readonly asked: string[];
  ask(name?: string): Promise<Uint8Array | undefined>;
}

function lab(
  behaviours: Record<string, Behaviour>,
  servers: () => Upstream[] = () => Object.keys(behaviours).map((address) => ({ address })),
): Lab {
  const clock = createVirtualClock();
  const asked: string[] = [];
  let id = 100;
  const exchange: Exchange = (server, message, _transport, signal) =>
    new Promise((resolve, reject) => {
      const name = readQuestion(message, 12)!.question.name;
      if (!name.endsWith("loop.weaved.invalid.")) asked.push(`${server.address}@${clock.now()}`);
      else forwarderSees(server, name);
      const result = behaviours[server.address]!(message);
      signal.addEventListener("abort", () => reject(signal.reason));
      if (result === "broken") reject(new Error("refused"));
      else if (result !== "silent") {
        const { ms, reply } = result instanceof Uint8Array ? { ms: 10, reply: result } : result;
        clock.after(ms, () => resolve(reply));
      }
    });
  const loops = new Set<string>();
  const forwarderSees = (server: Upstream, name: string): void => {
    if (loops.has(server.address)) clock.after(1, () => forwarder.recognise(name));
  };
  for (const address of Object.keys(behaviours)) if (address.startsWith("loop")) loops.add(address);
  const forwarder = createForwarder({
    exchange,
    servers: async () => servers(),
    clock,
    logger: silentLogger,
    randomId: () => id++,
  });
  return {
    clock,
    forwarder,
    asked,
    async ask(name = "www.example") {
      const pending = forwarder.forward(query(name), "udp");
      let done = false;
      void pending.finally(() => {
        done = true;
      });
      for (let i = 0; i < 4000 && !done; i++) {
        await Promise.resolve();
        await Promise.resolve();
        if (i % 8 === 7) clock.advance(10);
      }
      return pending;
    },
  };
}

/** A reply with a code, a number of answers, and a last byte by which a test knows its server. */
const replying =
  (code: number, answers: number, mark: number): Behaviour =>
  (message) => {
    const bytes = message.slice();
    bytes[2] = 0x81;
    bytes[3] = 0x80 | code;
    bytes[7] = answers;
    return Uint8Array.from([...bytes, mark]);
  };
const answer = (mark: number): Behaviour => replying(0, 1, mark);
const noSuchName = (mark: number): Behaviour => replying(3, 0, mark);
const noSuchType = (mark: number): Behaviour => replying(0, 0, mark);
const silent: Behaviour = () => "silent";
const broken: Behaviour = () => "broken";

/** A server that takes its time, through the lab's clock. */
const after =
  (ms: number, behaviour: Behaviour): Behaviour =>
  (message) => ({ ms, reply: behaviour(message) as Uint8Array });

describe("forwarding", () => {
  it("passes the first server's reply on under the client's id", async () => {
    const { ask, asked } = lab({ a: answer(1), b: answer(2) });
    const bytes = (await ask())!;
    expect([bytes[0], bytes[1], bytes.at(-1)]).toEqual([0x12, 0x34, 1]);
    expect(asked).toEqual(["a@0"]);
  });

  it("gives the question back in the client's case when a server lower-cases it (RFC 4343)", async () => {
    const lowering: Behaviour = (message) => {
      const bytes = answer(1)(message) as Uint8Array;
      for (let i = 12; i < bytes.length - 5; i++) if (bytes[i]! >= 0x41 && bytes[i]! <= 0x5a) bytes[i]! |= 0x20;
      return bytes;
    };
    const bytes = (await lab({ a: lowering }).ask("WwW.eXample"))!;
    expect(readQuestion(bytes, 12)!.question.name).toBe("WwW.eXample.");
  });

  it("asks the next server too after 300 ms, and takes the first answer", async () => {
    const { ask, asked, clock } = lab({ a: silent, b: answer(2) });
    expect((await ask())!.at(-1)).toBe(2);
    expect(asked).toEqual(["a@0", "b@300"]);
    expect(clock.now()).toBeLessThan(400);
  });

  it.each([
    ["NXDOMAIN", noSuchName(2)],
    ["an empty answer", noSuchType(2)],
  ])("does not believe the second server's %s while the slow first one may still answer", async (_, denial) => {
    expect((await lab({ a: after(2000, answer(1)), b: denial }).ask())!.at(-1)).toBe(1);
  });

  it("believes the second server's denial when the first one fails", async () => {
    expect((await lab({ a: silent, b: noSuchName(2) }).ask())!.at(-1)).toBe(2);
    expect((await lab({ a: broken, b: noSuchName(2) }).ask())!.at(-1)).toBe(2);
  });

  it("believes the first server's denial at once", async () => {
    const { ask, asked } = lab({ a: noSuchName(1), b: answer(2) });
    expect((await ask())!.at(-1)).toBe(1);
    expect(asked).toEqual(["a@0"]);
  });

  it("asks a server that refused its connection last for 30 s, then tries it again without making clients wait", async () => {
    const { ask, asked, clock } = lab({ a: broken, b: answer(2) });
    await ask();
    await ask();
    expect(asked.map((text) => text[0])).toEqual(["a", "b", "b"]);
    clock.advance(31_000);
    const before = clock.now();
    expect((await ask())!.at(-1)).toBe(2);
    expect(clock.now() - before).toBeLessThan(100);
    expect(asked.slice(3).map((text) => text[0])).toEqual(["a", "b"]);
  });

  it("waits for a dead first server for a few seconds only, not on every question for ever", async () => {
    const { ask, clock } = lab({ a: silent, b: answer(2) });
    const waits: number[] = [];
    for (let i = 0; i < 40; i++) {
      const before = clock.now();
      expect((await ask(`n${i}.example`))!.at(-1)).toBe(2);
      waits.push(clock.now() - before);
      clock.advance(500);
    }
    expect(waits[0]).toBeGreaterThanOrEqual(300);
    expect(waits.slice(20).every((ms) => ms < 100)).toBe(true);
  });

  it("keeps a slow first server first", async () => {
    const { ask, asked, clock } = lab({ a: after(1000, answer(1)), b: answer(2) });
    for (let i = 0; i < 20; i++) {
      await ask(`n${i}.example`);
      clock.advance(2000);
    }
    expect(asked.filter((text) => text[0] === "a")).toHaveLength(20);
    expect(asked.at(-2)?.[0]).toBe("a");
  });

  it("returns to a first server that came back", async () => {
    let isUp = false;
    const { ask, clock } = lab({ a: (message) => (isUp ? answer(1)(message) : "broken"), b: answer(2) });
    await ask();
    isUp = true;
    clock.advance(31_000);
    await ask();
    clock.advance(1000);
    expect((await ask())!.at(-1)).toBe(1);
  });

  it("prefers a good reply to SERVFAIL or REFUSED, and those to nothing", async () => {
    expect((await lab({ a: replying(2, 0, 1), b: answer(2) }).ask())!.at(-1)).toBe(2);
    expect((await lab({ a: replying(5, 0, 1), b: broken }).ask())!.at(-1)).toBe(1);
    expect(await lab({ a: broken, b: silent }).ask()).toBeUndefined();
    expect(await lab({}).ask()).toBeUndefined();
  });

  it("asks once for the same question from many clients, each getting its own id", async () => {
    const { forwarder, ask, asked } = lab({ a: answer(1) });
    const others = [1, 2, 3].map((id) => {
      const bytes = query("www.example");
      bytes[1] = id;
      return forwarder.forward(bytes, "udp");
    });
    await ask();
    const ids = (await Promise.all(others)).map((bytes) => bytes![1]);
    expect(ids).toEqual([1, 2, 3]);
    expect(asked).toHaveLength(1);
  });

  it("stops asking a server that sends our questions back, as a probe shows", async () => {
    const { ask, asked } = lab({ loop: silent, b: answer(2) });
    await ask();
    asked.length = 0;
    await ask();
    expect(asked.map((text) => text.split("@")[0])).toEqual(["b"]);
  });

  it("refuses more than 1024 different questions at once", async () => {
    const { forwarder, clock } = lab({ a: silent });
    const pending = Array.from({ length: 1024 }, (_, i) => forwarder.forward(query(`n${i}.example`), "udp"));
    expect(await forwarder.forward(query("more.example"), "udp")).toBeUndefined();
    for (let i = 0; i < 50; i++) {
      await Promise.resolve();
      if (i > 20) clock.advance(1000);
    }
    expect((await Promise.all(pending)).every((bytes) => bytes === undefined)).toBe(true);
  });

  it("does not forward a question of 64 KiB", async () => {
    const { forwarder, asked } = lab({ a: answer(1) });
    expect(await forwarder.forward(new Uint8Array(65_535), "tcp")).toBeUndefined();
    expect(asked).toEqual([]);
  });
});
