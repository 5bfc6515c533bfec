import type { Socket } from "node:net";
import { tweetnaclProvider } from "@weaved/sleeve-crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type RunningMesh, startMesh } from "../../src/node/index.ts";
import { makeFeatures } from "../../src/wire/features.ts";
import { Handshake } from "../../src/wire/handshake.ts";
import { type Json, until } from "./lab.ts";
import { attack, ended, freshId, PASSWORD, PORT, startTarget, TARGET, type Target } from "./target.ts";

const MiB = 2 ** 20;
let target: Target;
/** A peer like any other, connected all the time. */
let friend: RunningMesh;
/** Its end of the connection, which another connection would not have. */
let friendAddress: string;

const neighbour = (n: number, options: object = {}): Promise<RunningMesh> =>
  startMesh({ name: n, host: `127.0.7.${n}`, port: PORT, password: PASSWORD, ...options });

beforeAll(async () => {
  target = await startTarget();
  friend = await neighbour(2);
  await friend.connect([TARGET]);
  await until(() => friend.routes().unicast.has(1), 10_000);
  friendAddress = (await target.ask("status")).connections[0].address;
});

afterAll(async () => {
  await friend.close();
  await target.stop();
});

/** The mesh has not noticed: same connection, routes both ways. */
async function expectUnharmed(): Promise<true> {
  const { connections } = await target.ask("status");
  expect(connections.filter((c: Json) => c.state === "established")).toMatchObject([
    { peer: 2, address: friendAddress },
  ]);
  expect(friend.routes().unicast.get(1)).toBe(1);
  return true;
}

const ascii = (text: string): Uint8Array => Uint8Array.from(text, (c) => c.charCodeAt(0));

describe("hostile peers", () => {
  it.each([
    ["another password", { password: "wrong" }, "MESH_DECRYPT", "is the password the same"],
    ["no password", { password: undefined }, "MESH_ENCRYPTION_MISMATCH", "the remote has none"],
    // Here the stranger may be the first to see it, and hang up.
    ["no password, version 1", { password: undefined, maxProtocolVersion: 1 }, "MESH_CLOSED", "closed"],
  ])("with %s are refused, one line each", async (_title, options, code, words) => {
    target.mark();
    const before = (await target.ask("status")).events[code] ?? 0;
    const { password, ...rest } = options;
    const stranger = await startMesh({
      ...{ name: 3, host: "127.0.7.3", port: PORT },
      ...(password ? { password } : {}),
      ...(rest as object),
    });
    await stranger.connect([TARGET]);
    await until(() => (stranger.status().connections[0]?.state === "failed" ? true : undefined), 10_000);
    await stranger.close();
    const refused = ((await target.ask("status")).events[code] ?? 0) - before;
    const lines = target.lines("<- 127.0.7.3");
    expect(lines.length).toBeGreaterThan(0);
    if (code !== "MESH_CLOSED") expect(lines.filter((line) => line.includes(words))).toHaveLength(refused);
    // Each attempt has its one line: the stranger's ports differ.
    expect(new Set(lines.map((line) => /127\.0\.7\.3:\d+/.exec(line)![0])).size).toBe(lines.length);
    await expectUnharmed();
  });

  it.each([
    ["garbage", ascii("GET / HTTP/1.1\r\n\r\n"), "not a weave peer"],
    ["noise", Uint8Array.from({ length: 5_000 }, (_, i) => (i * 7919) % 251), "not a weave peer"],
    ["an impossible flag", ascii("weave\x01\x02\x07"), "an encryption flag of 7"],
    ["a future version", ascii("weave\x09\x0a"), "speaks versions 9 to 10"],
    [
      "a message of 4 GiB",
      ascii(`weave\x01\x02\x01${"k".repeat(32)}\xff\xff\xff\xff`),
      "a message of 4294967295 bytes",
    ],
    ["noise for features", ascii(`weave\x01\x02\x01${"k".repeat(32)}\x00\x00\x01\x00${"n".repeat(256)}`), "not open"],
  ])("that send %s are cut off, one line each", async (_title, bytes, words) => {
    target.mark();
    const socket = await attack("127.0.7.9");
    socket.write(bytes);
    await ended(socket);
    await until(() => target.lines("<- 127.0.7.9").length > 0, 5_000);
    expect(target.lines("<- 127.0.7.9")).toEqual([expect.stringContaining(words)]);
    await expectUnharmed();
  });

  it.each([
    ["a header", "weave"],
    ["a key", `weave\x01\x02\x01${"k".repeat(10)}`],
    ["a message", `weave\x01\x02\x01${"k".repeat(32)}\x00\x00\x10\x00abc`],
  ])("that go in the middle of %s leave one line", async (_title, text) => {
    target.mark();
    const socket = await attack("127.0.7.9");
    socket.end(ascii(text));
    await ended(socket);
    await until(() => target.lines("<- 127.0.7.9").length > 0, 5_000);
    expect(target.lines("<- 127.0.7.9")).toHaveLength(1);
    await expectUnharmed();
  });

  it("inside the mesh that send nonsense lose their own connection, or just their word", async () => {
    target.mark();
    const { handshake, socket } = await join(7);
    socket.on("data", () => {});
    // A channel's payload may be anything: reported, not fatal. A message that cannot be taken apart is.
    socket.write(handshake.encode(envelopeOf("topology", 200)));
    await until(async () => (await target.ask("status")).events.MESH_GOSSIP > 0, 5_000);
    expect((await target.ask("status")).connections.filter((c: Json) => c.state === "established")).toHaveLength(2);
    socket.write(handshake.encode(Uint8Array.of(4, 0xff, 0xff, 0xff)));
    await ended(socket);
    await until(expectUnharmed, 5_000);
    expect(target.lines("a topology update does not decode")).toHaveLength(1);
    expect(target.lines("a gossip message is cut short")).toHaveLength(1);
    await expectUnharmed();
  });

  it("that promise large messages, or trickle bytes, cost next to nothing, and are shown out", async () => {
    target.mark();
    const before: number = await target.ask("memory");
    const greeting = ascii(`weave\x01\x02\x01${"k".repeat(32)}\x00\x00\x3f\xff`);
    const sockets: Socket[] = [];
    // 64 from each of three hosts are let in; a quarter of them say nothing or dribble.
    for (let i = 0; i < 250; i++) {
      const socket = await attack(`127.0.7.${20 + (i % 3)}`);
      if (i % 4 > 0) socket.write(greeting);
      sockets.push(socket);
    }
    let ticks = 0;
    const dribble = setInterval(() => {
      const letter = "weave"[ticks++] ?? "";
      sockets.forEach((socket, i) => void (socket.writable && socket.write(i % 4 > 0 ? "w" : letter)));
    }, 3_000);
    await until(async () => ((await target.ask("status")).events.MESH_THROTTLED ?? 0) > 0, 5_000);
    expect((await target.ask("memory")) - before).toBeLessThan(16 * MiB);
    await expectUnharmed();
    // Those that have not sent a whole header within ten seconds are gone.
    await until(async () => (await target.ask("status")).events.MESH_TIMEOUT > 0, 15_000);
    clearInterval(dribble);
    for (const socket of sockets) socket.destroy();
    await until(() => target.lines("<- 127.0.7.2").length + counted(target) >= 250, 10_000);
    await expectUnharmed();
  }, 60_000);

  it("10,000 from one host leave memory, log, mesh as they were; a friend gets in meanwhile", async () => {
    const before: number = await target.ask("memory");
    target.mark();
    const events = (await target.ask("status")).events;
    let open = 0;
    let refused = 0;
    let joined: Promise<RunningMesh> | undefined;
    for (let sent = 0; sent < 10_000; sent += 500) {
      await Promise.all(
        Array.from({ length: 500 }, async () => {
          const socket = await attack("127.0.7.9");
          open++;
          void ended(socket).then(() => {
            open--;
            refused++;
          });
        }),
      );
      joined ??= neighbour(4).then(async (mesh) => {
        await mesh.connect([TARGET]);
        await until(() => mesh.routes().unicast.has(2), 30_000);
        return mesh;
      });
    }
    const newcomer = await joined!;
    await until(() => open === 0, 120_000);
    expect(refused).toBe(10_000);
    const throttled = (await target.ask("status")).events.MESH_THROTTLED - (events.MESH_THROTTLED ?? 0);
    expect(throttled).toBeGreaterThan(9_000);
    await until(() => target.lines("<- 127.0.7.9").length + counted(target) === 10_000, 5_000);
    expect(target.lines("").length).toBeLessThan(1_000);
    expect((await target.ask("memory")) - before).toBeLessThan(32 * MiB);
    await newcomer.close();
    await until(expectUnharmed, 10_000);
  }, 300_000);
});

/** How many refusals the lines about floods stand for. */
function counted({ lines }: Target): number {
  return lines("more connections refused").reduce((sum, line) => sum + Number(/(\d+) more/.exec(line)![1]), 0);
}

/** Gossip with a payload that is no topology. */
function envelopeOf(channel: string, filler: number): Uint8Array {
  const name = ascii(channel);
  // gob: a string, an unsigned, bytes; each message with its length and type id.
  const parts = [
    [4],
    [3 + name.length, 12, 0, name.length, ...name],
    [3, 6, 0, 7],
    [6, 10, 0, 3, filler, filler, filler],
  ];
  return Uint8Array.from(parts.flat());
}

/** A whole handshake by hand, as peer `n` that knows the password. */
async function join(n: number): Promise<{ handshake: Handshake; socket: Socket }> {
  const socket = await attack(`127.0.7.${n}`);
  const names = { name: n, nickname: "spy", shortId: n, trusted: false, extra: {} };
  const features = makeFeatures({ ...names, uid: BigInt(freshId()), connectionId: BigInt(freshId()) });
  const password = new TextEncoder().encode(PASSWORD);
  const options = { outbound: true, minVersion: 2, maxVersion: 2, features, password, crypto: tweetnaclProvider };
  const handshake = new Handshake(options, (bytes) => void socket.write(bytes));
  await new Promise<void>((resolve) => {
    socket.on("data", function onData(bytes) {
      handshake.push(bytes);
      if (handshake.advance()) {
        socket.off("data", onData);
        resolve();
      }
      handshake.settle();
    });
  });
  return { handshake, socket };
}
