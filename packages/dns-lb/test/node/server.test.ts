import { createSocket } from "node:dgram";
import { promises as dns } from "node:dns";
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { Names } from "../../src/names.ts";
import { FrameReader, withLength } from "../../src/node/framing.ts";
import { type DnsServer, type DnsServerOptions, type QueryLogLine, startDnsServer } from "../../src/node/index.ts";
import { ip, loneNames } from "../support/cluster.ts";
import { dataOf, query, read } from "../support/queries.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const portOf = (server: DnsServer): number => server.addresses[0]!.port;

async function serve(names: Names, options: Partial<DnsServerOptions> = {}): Promise<DnsServer> {
  const server = await startDnsServer({ names, address: "127.0.0.1", port: 0, upstreams: { servers: [] }, ...options });
  cleanups.push(() => server.close());
  return server;
}

/** Names that only an upstream would know. */
async function upstream(address: string, name = "up.example.org"): Promise<DnsServer> {
  const names = loneNames(9);
  const domain = name.slice(name.indexOf(".") + 1);
  const { createNames } = await import("../../src/names.ts");
  const own = createNames({
    self: 9,
    domain,
    clock: { now: () => 0, after: () => () => {} },
    wallClock: () => 0,
    isKnownPeer: () => true,
  });
  own.add(name, "u", ip(address));
  names.close();
  return serve(own);
}

function ask(port: number, bytes: Uint8Array, waitMs = 2000): Promise<Uint8Array | undefined> {
  const socket = createSocket("udp4");
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(undefined), waitMs);
    socket.once("message", (message) => {
      clearTimeout(timer);
      resolve(new Uint8Array(message));
    });
    socket.send(bytes, port, "127.0.0.1");
  }).finally(() => socket.close()) as Promise<Uint8Array | undefined>;
}

function askTcp(port: number, messages: readonly Uint8Array[], cut = Number.POSITIVE_INFINITY): Promise<Uint8Array[]> {
  return new Promise((resolve, reject) => {
    const replies: Uint8Array[] = [];
    const socket = connect(port, "127.0.0.1");
    const frames = new FrameReader();
    socket.on("data", (chunk) => {
      frames.push(chunk);
      for (let reply = frames.next(); reply !== undefined; reply = frames.next()) replies.push(reply);
      if (replies.length < messages.length) return;
      socket.destroy();
      resolve(replies);
    });
    socket.on("error", reject);
    socket.on("close", () => resolve(replies));
    const all = Buffer.concat(messages.map(withLength));
    if (cut >= all.length) socket.write(all);
    else for (let at = 0; at < all.length; at += cut) setTimeout(() => socket.write(all.subarray(at, at + cut)), at);
  });
}

function webNames(): Names {
  const names = loneNames(1);
  for (let i = 1; i <= 50; i++) names.add("web.weave.local", `c${i}`, ip(`10.32.0.${i}`));
  return names;
}

/** A port that nobody listens on and that eats what it gets. */
async function blackHole(): Promise<number> {
  const socket = createSocket("udp4");
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  cleanups.push(() => socket.close());
  return socket.address().port;
}

/** Two servers that have each other for upstream. The first port may be taken over TCP meanwhile: then another is tried. */
async function eachOthersUpstream(): Promise<{ a: DnsServer; b: DnsServer; portA: number }> {
  for (let tries = 1; ; tries++) {
    const portA = await blackHole();
    const to = (port: number) => ({
      upstreams: { servers: [{ address: "127.0.0.1", port }] },
      fallbackTimeoutMs: 500,
    });
    const b = await serve(loneNames(2), to(portA));
    await cleanups.shift()!();
    try {
      return { a: await serve(loneNames(1), { port: portA, ...to(portOf(b)) }), b, portA };
    } catch (error) {
      for (const cleanup of cleanups.splice(0)) await cleanup();
      if (tries === 5) throw error;
    }
  }
}

describe("a DNS server", () => {
  it("answers Node's own resolver: A, AAAA, SRV, PTR, and what does not exist", async () => {
    const names = webNames();
    names.add("one.weave.local", "one", ip("10.32.9.9"));
    names.addRecord("one.weave.local", "one", { type: "AAAA", address: "fd00::9" });
    names.addRecord("one.weave.local", "one", { type: "SRV", service: "_http", protocol: "_tcp", port: 8080 });
    const server = await serve(names);
    const resolver = new dns.Resolver({ timeout: 2000, tries: 1 });
    resolver.setServers([server.address]);
    // 50 addresses do not fit into a UDP reply, so this comes over TCP.
    expect(await resolver.resolve4("web.weave.local")).toHaveLength(50);
    expect(await resolver.resolve6("one.weave.local")).toEqual(["fd00::9"]);
    expect(await resolver.resolveSrv("_http._tcp.one.weave.local")).toEqual([
      { name: "10-32-9-9.one.weave.local", port: 8080, priority: 0, weight: 1 },
    ]);
    expect(await resolver.reverse("10.32.9.9")).toEqual(["one.weave.local"]);
    await expect(resolver.resolve4("nope.weave.local")).rejects.toMatchObject({ code: "ENOTFOUND" });
    await expect(resolver.resolve6("web.weave.local")).rejects.toMatchObject({ code: "ENODATA" });
  });

  it("serves several questions on one TCP connection, however the bytes are cut", async () => {
    const server = await serve(webNames());
    const replies = await askTcp(portOf(server), [query("web"), query("nope"), query("web", "AAAA")], 7);
    expect(replies.map((bytes) => read(bytes).answers!.length).sort()).toEqual([0, 0, 50]);
  });

  it("asks upstreams over the client's transport, passing the reply through", async () => {
    const up = await upstream("192.0.2.7");
    const server = await serve(webNames(), { upstreams: { servers: [{ address: "127.0.0.1", port: portOf(up) }] } });
    const name = "up.example.org";
    const reply = read((await ask(portOf(server), query(name)))!);
    expect([reply.id, ...dataOf(reply.answers)]).toEqual([0x1234, "192.0.2.7"]);
    expect(dataOf(read((await askTcp(portOf(server), [query(name)]))[0]!).answers)).toEqual(["192.0.2.7"]);
    expect(server.stats().totals).toMatchObject({ forwarded: 2, upstreamFailed: 0 });
  });

  it("answers local names at once while every upstream is dead, and foreign ones with SERVFAIL after the time-out", async () => {
    const port = await blackHole();
    // Long, so that a busy machine is not taken for a stalled server.
    const fallbackTimeoutMs = 3_000;
    const server = await serve(webNames(), {
      upstreams: { servers: [{ address: "127.0.0.1", port }] },
      fallbackTimeoutMs,
    });
    const foreign = Array.from({ length: 50 }, (_, i) => ask(portOf(server), query(`n${i}.example`), 20_000));
    const started = performance.now();
    for (let i = 0; i < 20; i++)
      expect(read((await ask(portOf(server), query("web", "A", 4096)))!).rcode).toBe("NOERROR");
    expect(performance.now() - started).toBeLessThan(fallbackTimeoutMs);
    expect((await Promise.all(foreign)).map((bytes) => read(bytes!).rcode)).toEqual(Array(50).fill("SERVFAIL"));
  });

  it("is not stalled by a dead first upstream", async () => {
    const dead = await blackHole();
    const up = await upstream("192.0.2.7");
    const servers = [
      { address: "127.0.0.1", port: dead },
      { address: "127.0.0.1", port: portOf(up) },
    ];
    const server = await serve(webNames(), { upstreams: { servers }, hedgeMs: 50 });
    const started = performance.now();
    expect(dataOf(read((await ask(portOf(server), query("up.example.org")))!).answers)).toEqual(["192.0.2.7"]);
    expect(performance.now() - started).toBeLessThan(1000);
  });

  it("notices that two servers have each other for upstream, and does not drown", async () => {
    const { a, b, portA } = await eachOthersUpstream();
    for (let i = 0; i < 5; i++) await ask(portA, query(`n${i}.example`));
    const before = a.stats().totals.queries + b.stats().totals.queries;
    const started = performance.now();
    expect(read((await ask(portA, query("again.example")))!).rcode).toBe("SERVFAIL");
    expect(performance.now() - started).toBeLessThan(300);
    expect(a.stats().totals.queries + b.stats().totals.queries - before).toBeLessThan(5);
  });

  it("follows the resolver file when it is replaced, and keeps the last servers when it vanishes", async () => {
    const dir = await mkdtemp(join(tmpdir(), "dns-lb-"));
    cleanups.push(() => rm(dir, { recursive: true }));
    const file = join(dir, "resolv.conf");
    await writeFile(file, "nameserver 127.0.0.1\n");
    const server = await serve(webNames(), { upstreams: { file } });
    expect(await server.upstreams()).toEqual(["127.0.0.1"]);
    await writeFile(`${file}.new`, "nameserver 192.0.2.1\nnameserver 192.0.2.2\n");
    await rename(`${file}.new`, file);
    await vi.waitFor(async () => expect(await server.upstreams()).toEqual(["192.0.2.1", "192.0.2.2"]), 5000);
    await rm(file);
    await new Promise((resolve) => setTimeout(resolve, 1100));
    expect(await server.upstreams()).toEqual(["192.0.2.1", "192.0.2.2"]);
    await writeFile(file, "");
    await vi.waitFor(async () => expect(await server.upstreams()).toEqual([]), 5000);
  });

  it("logs queries while asked to", async () => {
    const server = await serve(webNames());
    const lines: QueryLogLine[] = [];
    await ask(portOf(server), query("web", "A", 4096));
    server.queryLog((line) => void lines.push(line));
    await ask(portOf(server), query("web", "A", 4096));
    await ask(portOf(server), query("nope.weave.local"));
    server.queryLog(undefined);
    await ask(portOf(server), query("web", "A", 4096));
    expect(lines).toMatchObject([
      { client: "127.0.0.1", transport: "udp", name: "web.", type: 1, rcode: 0, forwarded: false },
      { client: "127.0.0.1", transport: "udp", name: "nope.weave.local.", rcode: 3 },
    ]);
  });

  it("limits a source that asks too much over UDP, leaving it TCP", async () => {
    const server = await serve(webNames(), { clients: "any", rateLimit: { perSecond: 1, burst: 3, trusted: [] } });
    const replies: (Uint8Array | undefined)[] = [];
    for (let i = 0; i < 7; i++) replies.push(await ask(portOf(server), query("web"), 150));
    const kinds = replies.map((bytes) =>
      bytes === undefined ? "silence" : read(bytes).answers!.length > 0 ? "answer" : read(bytes).flag_tc ? "slip" : "?",
    );
    expect(kinds.slice(0, 3)).toEqual(["answer", "answer", "answer"]);
    expect(kinds.slice(3).sort()).toEqual(["silence", "silence", "slip", "slip"]);
    expect(read((await askTcp(portOf(server), [query("web")]))[0]!).answers).toHaveLength(50);
    expect(server.stats().totals.limited).toBe(4);
  });

  it("listens on several addresses, IPv6 among them, and leaves none open when one fails", async () => {
    const server = await serve(webNames(), { address: ["127.0.0.1"] });
    const port = portOf(server);
    // The second address is taken: the first has to be free again.
    await expect(serve(webNames(), { address: ["127.0.0.2", "127.0.0.1"], port })).rejects.toMatchObject({
      code: "DNS_LISTEN_FAILED",
    });
    await serve(webNames(), { address: "127.0.0.2", port });
    const both = await serve(webNames(), { address: ["127.0.0.1", "::1"], port: 0 });
    expect(both.addresses.map(({ address }) => address)).toEqual(["127.0.0.1", "::1"]);
    await both.close();
    await both.close();
  });
});
