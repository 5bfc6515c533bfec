import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect } from "node:net";
import { seededRandom } from "@weaved/sim";
import { afterEach, describe, expect, it, vi } from "vitest";
import { FrameReader, withLength } from "../../src/node/framing.ts";
import { type DnsServerOptions, startDnsServer } from "../../src/node/index.ts";
import { serveOneByOne, type UdpListener } from "../../src/node/udp.ts";
import type { Upstream } from "../../src/resolv-conf.ts";
import { ip, loneNames } from "../support/cluster.ts";
import {
  type FalseUpstream,
  falseUpstream,
  goodReply,
  hostileLab,
  sendDatagrams,
  sendStreams,
} from "../support/hostile.ts";
import { dataOf, query, read } from "../support/queries.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function serve(
  options: Partial<DnsServerOptions> = {},
): Promise<{ port: number; address: string; server: Awaited<ReturnType<typeof startDnsServer>> }> {
  const names = loneNames();
  names.add("web.weave.local", "c1", "10.32.0.1");
  for (let i = 0; i < 500; i++) names.add("big.weave.local", `b${i}`, ip("10.33.0.0") + i);
  const server = await startDnsServer({
    ...{ names, address: "127.0.0.1", port: 0, upstreams: { servers: [] }, fallbackTimeoutMs: 1500, hedgeMs: 50 },
    ...options,
  });
  cleanups.push(() => server.close());
  const { address, port } = server.addresses[0]!;
  return { address, port, server };
}

async function ask(port: number, bytes: Uint8Array, address = "127.0.0.1"): Promise<Uint8Array> {
  const socket = createSocket("udp4");
  try {
    socket.send(bytes, port, address);
    const [reply] = (await once(socket, "message", { signal: AbortSignal.timeout(15_000) })) as [Buffer];
    return new Uint8Array(reply);
  } finally {
    socket.close();
  }
}

/** Sends questions over TCP, closes our side, and reads until the server has closed its own. */
async function askHalfClosed(port: number, ...questions: Uint8Array[]): Promise<Uint8Array[]> {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  const frames = new FrameReader();
  socket.on("data", (chunk) => frames.push(chunk));
  socket.end(Buffer.concat(questions.map(withLength)));
  await once(socket, "end", { signal: AbortSignal.timeout(15_000) });
  const replies: Uint8Array[] = [];
  for (let reply = frames.next(); reply !== undefined; reply = frames.next()) replies.push(reply);
  return replies;
}

const rcodeOf = (bytes: Uint8Array): string => read(bytes).rcode;

describe("a datagram from source port 0", () => {
  it("is dropped and counted, and the next query is answered", async () => {
    const socket = createSocket("udp4");
    cleanups.push(() => socket.close());
    socket.bind(0, "127.0.0.1");
    await once(socket, "listening");
    let unanswerable = 0;
    const listener: UdpListener = { port: 0, send: () => {}, close: async () => {} };
    const handlers = {
      admit: (_: unknown, port: number) => port !== 0,
      turnAway: () => void unanswerable++,
      fast: () => 12,
      slow: () => {},
    };
    serveOneByOne(socket, handlers, listener);
    const from = { address: "127.0.0.1", family: "IPv4", size: 17 } as const;
    socket.emit("message", Buffer.from(query("web.weave.local")), { ...from, port: 0 });
    expect(unanswerable).toBe(1);
    // Even a handler that answers it must not end the process.
    serveOneByOne(socket, { ...handlers, admit: () => true }, listener);
    socket.emit("message", Buffer.from(query("web.weave.local")), { ...from, port: 0 });
    socket.emit("message", Buffer.from(query("web.weave.local")), { ...from, address: "not an address", port: 1 });
  });
});

describe("upstreams that cannot be asked", () => {
  const unusable: Upstream[] = [
    { address: "2001:db8::1" },
    { address: "fe80::1%nothere0" },
    { address: "255.255.255.255" },
    { address: "::" },
  ];

  it.each(unusable)("$address ends in SERVFAIL, over UDP and TCP", async (server) => {
    const { port } = await serve({ upstreams: { servers: [server] }, fallbackTimeoutMs: 700 });
    expect(rcodeOf(await ask(port, query("www.example")))).toBe("SERVFAIL");
    expect((await askHalfClosed(port, query("www.example"))).map(rcodeOf)).toEqual(["SERVFAIL"]);
  });

  it.each(unusable)("$address is passed over for the next server", async (server) => {
    const good = await falseUpstream(
      (question) => [goodReply(question)],
      () => {},
    );
    cleanups.push(() => good.close());
    const servers = [server, { address: "127.0.0.1", port: good.port }];
    const { port } = await serve({ upstreams: { servers } });
    expect(dataOf(read(await ask(port, query("www.example"))).answers)).toEqual(["192.0.2.1"]);
  });

  it("that are this server itself are not asked", async () => {
    const { server, port } = await serve();
    const own = { address: "127.0.0.1", port };
    await server.close();
    const looped = await serve({ port, upstreams: { servers: [own] } });
    expect(rcodeOf(await ask(port, query("www.example")))).toBe("SERVFAIL");
    expect(looped.server.stats().totals.queries).toBe(1);
  });

  it("that go while the server runs end in SERVFAIL", async () => {
    const good = await falseUpstream(
      (question) => [goodReply(question)],
      () => {},
    );
    const { port } = await serve({ upstreams: { servers: [{ address: "127.0.0.1", port: good.port }] } });
    expect(rcodeOf(await ask(port, query("www.example")))).toBe("NOERROR");
    await good.close();
    expect(rcodeOf(await ask(port, query("www2.example")))).toBe("SERVFAIL");
    expect((await askHalfClosed(port, query("www2.example"))).map(rcodeOf)).toEqual(["SERVFAIL"]);
  });
});

describe("upstreams that reply falsely", () => {
  const changed = (question: Uint8Array, change: (bytes: Uint8Array) => void): Uint8Array => {
    const bytes = goodReply(question);
    change(bytes);
    return bytes;
  };
  const start = async (
    overUdp: (question: Uint8Array) => readonly Uint8Array[],
    overTcp: Parameters<typeof falseUpstream>[1] = () => {},
  ): Promise<{ port: number; upstream: FalseUpstream }> => {
    const upstream = await falseUpstream(overUdp, overTcp);
    cleanups.push(() => upstream.close());
    const { port } = await serve({ upstreams: { servers: [{ address: "127.0.0.1", port: upstream.port }] } });
    return { port, upstream };
  };

  it("with a wrong id, a query, noise, or a cut message are not believed; the true reply behind them is", async () => {
    const { port } = await start((question) => [
      changed(question, (bytes) => (bytes[0]! ^= 1)),
      changed(question, (bytes) => (bytes[2]! &= 0x7f)),
      changed(question, (bytes) => (bytes[14]! ^= 3)),
      goodReply(question).subarray(0, 20),
      new Uint8Array(0),
      new Uint8Array(60_000).fill(0xa5),
      goodReply(question),
    ]);
    expect(dataOf(read(await ask(port, query("www.example"))).answers)).toEqual(["192.0.2.1"]);
  });

  it("in lower case are believed, and the client gets its own case back", async () => {
    const { port } = await start((question) => [
      changed(question, (bytes) =>
        bytes.set(Buffer.from(Buffer.from(bytes.subarray(12, 24)).toString("latin1").toLowerCase(), "latin1"), 12),
      ),
    ]);
    const reply = read(await ask(port, query("WWW.Example")));
    expect([reply.rcode, reply.questions![0]!.name]).toEqual(["NOERROR", "WWW.Example"]);
  });

  it("with 60 KiB to a small query become a truncated reply: no amplifier", async () => {
    const { port } = await start((question) => [Uint8Array.from([...goodReply(question), ...new Uint8Array(60_000)])]);
    const bytes = await ask(port, query("www.example"));
    expect(bytes.length).toBeLessThanOrEqual(512);
    expect(read(bytes).flag_tc).toBe(true);
  });

  it.each<[string, Parameters<typeof falseUpstream>[1]]>([
    ["close at once", (socket) => socket.destroy()],
    ["close their side without a word", (socket) => void socket.end()],
    ["stop inside a frame", (socket, question) => void socket.end(withLength(goodReply(question)).subarray(0, 9))],
    ["send frames of nothing", (socket) => void socket.write(new Uint8Array(6))],
  ])("over TCP that %s end in SERVFAIL", async (_, overTcp) => {
    const { port } = await start(() => [], overTcp);
    expect((await askHalfClosed(port, query("www.example"))).map(rcodeOf)).toEqual(["SERVFAIL"]);
  });

  it("over TCP byte by byte are believed", async () => {
    const { port } = await start(
      () => [],
      (socket, question) => {
        for (const byte of withLength(goodReply(question))) socket.write(Uint8Array.of(byte));
      },
    );
    const [reply] = await askHalfClosed(port, query("www.example"));
    expect(dataOf(read(reply!).answers)).toEqual(["192.0.2.1"]);
  });
});

describe("TCP clients", () => {
  it("get forwarded answers after they have closed their side", async () => {
    const slow = await falseUpstream(
      () => [],
      (socket, question) => {
        const reply = withLength(goodReply(question));
        setTimeout(() => void socket.write(reply), 300);
      },
    );
    cleanups.push(() => slow.close());
    const { port } = await serve({ upstreams: { servers: [{ address: "127.0.0.1", port: slow.port }] } });
    const replies = await askHalfClosed(port, query("www.example"), query("web.weave.local"), query("www2.example"));
    expect(replies.map((reply) => dataOf(read(reply).answers)).sort()).toEqual([
      ["10.32.0.1"],
      ["192.0.2.1"],
      ["192.0.2.1"],
    ]);
  });

  it("that never read their answers are not served on, and hold little memory", async () => {
    const { port, server } = await serve();
    const socket = connect(port, "127.0.0.1");
    cleanups.push(() => socket.destroy());
    socket.on("error", () => {});
    socket.pause();
    const asked = 20_000;
    socket.write(Buffer.concat(Array.from({ length: asked }, () => withLength(query("big.weave.local")))));
    let served = -1;
    await vi.waitFor(
      () => {
        const { queries } = server.stats().totals;
        const isStill = queries === served && queries > 0;
        served = queries;
        expect(isStill).toBe(true);
      },
      { timeout: 20_000, interval: 300 },
    );
    // Each answer has 8 KiB, and the kernel's buffers take a few MiB.
    expect(served).toBeLessThan(asked / 2);
    expect(dataOf(read(await ask(port, query("web.weave.local"))).answers)).toEqual(["10.32.0.1"]);
  });

  it("that only hold connections open give way to new ones", async () => {
    const { port } = await serve();
    const idle = await Promise.all(
      Array.from({ length: 520 }, async () => {
        const socket = connect(port, "127.0.0.1");
        cleanups.push(() => socket.destroy());
        socket.on("error", () => {});
        await once(socket, "connect");
        return socket;
      }),
    );
    expect((await askHalfClosed(port, query("web.weave.local"))).map(rcodeOf)).toEqual(["NOERROR"]);
    expect(idle.filter((socket) => !socket.destroyed).length).toBeGreaterThan(400);
  });
});

describe("sources that are not clients", () => {
  it("are refused once over UDP, and over TCP; clients are answered as before", async () => {
    const { port, server } = await serve({ clients: ["10.0.0.0/8"] });
    expect(rcodeOf(await ask(port, query("web.weave.local")))).toBe("REFUSED");
    const socket = createSocket("udp4");
    cleanups.push(() => socket.close());
    const replies: unknown[] = [];
    socket.on("message", (message) => replies.push(message));
    for (let i = 0; i < 20; i++) socket.send(query("web.weave.local"), port, "127.0.0.1");
    await vi.waitFor(() => expect(server.stats().totals.strangers).toBe(21), 10_000);
    expect(replies).toEqual([]);
    const open = await serve({ clients: ["127.0.0.0/8"] });
    expect(rcodeOf(await ask(open.port, query("web.weave.local")))).toBe("NOERROR");
  });

  it("hear a refusal over TCP no larger than their question, then the end", async () => {
    const { port } = await serve({ clients: ["10.0.0.0/8"] });
    const asked = query("big.weave.local", 255);
    const replies = await askHalfClosed(port, asked, asked);
    expect(replies.map(rcodeOf)).toEqual(["REFUSED"]);
    expect(replies[0]!.length).toBeLessThanOrEqual(asked.length);
  });
});

describe("a view that throws", () => {
  it("costs its query a SERVFAIL, not the process", async () => {
    const { port } = await serve({
      view: () => {
        throw new Error("view");
      },
    });
    expect(rcodeOf(await ask(port, query("web.weave.local")))).toBe("SERVFAIL");
    expect((await askHalfClosed(port, query("web.weave.local"))).map(rcodeOf)).toEqual(["SERVFAIL"]);
  });
});

/** A hundredth of the soak, which is `HOSTILE_DATAGRAMS=1000000 HOSTILE_STREAMS=100000`. */
const DATAGRAMS = Number(process.env.HOSTILE_DATAGRAMS ?? 10_000);
const STREAMS = Number(process.env.HOSTILE_STREAMS ?? 1000);

describe("a server under random and structured input", () => {
  it(`survives ${DATAGRAMS} datagrams and ${STREAMS} TCP streams with short turns, and answers after them`, async () => {
    const silent = await falseUpstream(
      () => [],
      () => {},
    );
    const lab = await hostileLab([{ address: "127.0.0.1", port: silent.port }, { address: "2001:db8::1" }]);
    cleanups.push(
      () => silent.close(),
      () => lab.close(),
    );
    const seed = Date.now() & 0xffff;
    // The first inputs compile the code.
    await sendDatagrams(lab.port, 2000, seededRandom(seed));
    await sendStreams(lab.port, 50, seededRandom(seed));
    await lab.watch();
    await sendDatagrams(lab.port, DATAGRAMS, seededRandom(seed + 1));
    await sendStreams(lab.port, STREAMS, seededRandom(seed + 2));
    expect(lab.exited(), `seed ${seed}`).toBeNull();
    expect(dataOf(read(await ask(lab.port, query("web.weave.local"))).answers)).toEqual(["10.32.0.1"]);
    const { totals, worstMs } = await lab.report();
    console.log(`${totals.queries} queries read, worst turn ${worstMs.toFixed(1)} ms of CPU (seed ${seed})`);
    expect(worstMs, `seed ${seed}`).toBeLessThan(100);
  }, 3_600_000);
});
