import { createVirtualClock, type VirtualClock } from "@weaved/sim";
import { describe, expect, it } from "vitest";
import { parseSubnet } from "../src/address.ts";
import { createForwarder, type Exchange, type Forwarder } from "../src/forwarder.ts";
import { readQuestion } from "../src/message.ts";
import { silentLogger } from "../src/ports.ts";
import { createRateLimiter } from "../src/rate-limit.ts";
import { parseResolvConf, type Upstream } from "../src/resolv-conf.ts";
import { query } from "./queries.ts";

type Behaviour = (message: Uint8Array) => Uint8Array | "silent" | "broken";

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
      else if (result !== "silent") clock.after(10, () => resolve(result));
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

const reply =
  (code: number, mark: number): Behaviour =>
  (message) => {
    const bytes = message.slice();
    bytes[2] = 0x81;
    bytes[3] = 0x80 | code;
    return Uint8Array.from([...bytes, mark]);
  };

describe("forwarding", () => {
  it("passes the first server's reply on under the client's id", async () => {
    const { ask, asked } = lab({ a: reply(0, 1), b: reply(0, 2) });
    const bytes = (await ask())!;
    expect([bytes[0], bytes[1], bytes.at(-1)]).toEqual([0x12, 0x34, 1]);
    expect(asked).toEqual(["a@0"]);
  });

  it("asks the next server too after 300 ms, and takes whichever answers", async () => {
    const { ask, asked, clock } = lab({ a: () => "silent", b: reply(0, 2) });
    expect((await ask())!.at(-1)).toBe(2);
    expect(asked).toEqual(["a@0", "b@300"]);
    expect(clock.now()).toBeLessThan(400);
  });

  it("asks a server that was dead before last", async () => {
    const { ask, asked, clock } = lab({ a: () => "broken", b: reply(0, 2) });
    await ask();
    await ask();
    expect(asked.map((text) => text[0])).toEqual(["a", "b", "b"]);
    clock.advance(31_000);
    await ask();
    expect(asked.map((text) => text[0])).toEqual(["a", "b", "b", "a", "b"]);
  });

  it("prefers a good reply to SERVFAIL or REFUSED, and those to nothing", async () => {
    expect((await lab({ a: reply(2, 1), b: reply(0, 2) }).ask())!.at(-1)).toBe(2);
    expect((await lab({ a: reply(5, 1), b: () => "broken" }).ask())!.at(-1)).toBe(1);
    expect(await lab({ a: () => "broken", b: () => "silent" }).ask()).toBeUndefined();
    expect(await lab({}).ask()).toBeUndefined();
  });

  it("asks once for the same question from many clients, each getting its own id", async () => {
    const { forwarder, ask, asked } = lab({ a: reply(0, 1) });
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
    const { ask, asked } = lab({ loop: () => "silent", b: reply(0, 2) });
    await ask();
    asked.length = 0;
    await ask();
    expect(asked.map((text) => text.split("@")[0])).toEqual(["b"]);
  });

  it("refuses more than 1024 different questions at once", async () => {
    const { forwarder, clock } = lab({ a: () => "silent" });
    const pending = Array.from({ length: 1024 }, (_, i) => forwarder.forward(query(`n${i}.example`), "udp"));
    expect(await forwarder.forward(query("more.example"), "udp")).toBeUndefined();
    for (let i = 0; i < 50; i++) {
      await Promise.resolve();
      if (i > 20) clock.advance(1000);
    }
    expect((await Promise.all(pending)).every((bytes) => bytes === undefined)).toBe(true);
  });
});

describe("resolver files", () => {
  it("list servers, the rest is ignored", () => {
    const text =
      "# c\nsearch a b\nnameserver 10.0.0.2\n nameserver\t2001:db8::1 # x\nnameserver fe80::1%eth0\nnameserver 10.0.0.2\nnameserver nonsense\noptions ndots:5\n";
    expect(parseResolvConf(text).map(({ address }) => address)).toEqual(["10.0.0.2", "2001:db8::1", "fe80::1%eth0"]);
  });
});

describe("the rate limiter", () => {
  const limiter = createRateLimiter({ perSecond: 10, burst: 5, trusted: [parseSubnet("10.0.0.0/8")!] }, 1234);
  const allowed = (client: number | string, from: number, times: number): number => {
    let count = 0;
    for (let i = 0; i < times; i++) if (limiter.admits(client, () => from)) count++;
    return count;
  };

  it("lets a burst through, then a steady trickle", () => {
    expect(allowed(0x01020304, 1000, 100)).toBe(5);
    expect(allowed(0x01020304, 1100, 100)).toBe(1);
    expect(allowed(0x01020304, 5000, 100)).toBe(5);
    expect(allowed("2001:db8::1", 5000, 100)).toBe(5);
    expect(allowed("2001:db8::2", 5000, 100)).toBe(0);
  });

  it("bounds all sources together, however many there are", () => {
    const shared = createRateLimiter({ totalPerSecond: 100, trusted: [parseSubnet("10.0.0.0/8")!] }, 1);
    const admitted = Array.from({ length: 1000 }, (_, i) => shared.admits(0x01000000 + i, () => 1000)).filter(
      Boolean,
    ).length;
    expect(admitted).toBe(10);
    expect(shared.admits(0x0a000001, () => 1000)).toBe(true);
  });

  it("never limits those it trusts", () => {
    expect(allowed(0x0a000001, 0, 1000)).toBe(1000);
  });
});
