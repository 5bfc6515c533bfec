import { createVirtualClock } from "@weaved/sim";
import { describe, expect, it } from "vitest";
import { DnsError } from "../src/errors.ts";
import { createNames } from "../src/names.ts";
import { keepNames } from "../src/snapshot.ts";
import { createMemoryStore } from "../src/testing/index.ts";
import { addressCodec } from "../src/wire.ts";
import { epoch, ip, loneNames } from "./cluster.ts";

describe("names", () => {
  it("answer whatever the case, with and without the trailing dot at registration", () => {
    const names = loneNames();
    expect(names.add("Web.weave.local", "c1", ip("10.32.0.1"))).toBe(true);
    expect(names.lookup("WEB.weave.LOCAL.")).toEqual([ip("10.32.0.1")]);
    expect(names.reverse(ip("10.32.0.1"))).toBe("Web.weave.local.");
  });

  it("outside the domain are ignored", () => {
    const names = loneNames();
    expect(names.add("web.example.com", "c1", 1)).toBe(false);
    expect(names.add("xweave.local", "c1", 1)).toBe(false);
    expect(names.entries()).toEqual([]);
  });

  it("of a domain given in capitals work, which the original's do not", () => {
    const names = createNames({ ...ports(), domain: "Weave.LOCAL" });
    names.add("a.weave.local", "c", 1);
    expect(names.domain).toBe("weave.local.");
    expect(names.lookup("a.weave.local.")).toEqual([1]);
    expect(() => createNames({ ...ports(), domain: "a..b" })).toThrow(DnsError);
  });

  it("die with their container, records included, and return at a later version", () => {
    const names = loneNames();
    names.add("web.weave.local", "c1", 1);
    names.addRecord("web.weave.local", "c1", { type: "AAAA", address: "fd00::1" });
    names.add("web.weave.local", "c2", 2);
    names.containerDied("c1");
    expect(names.find("web.weave.local.").map((entry) => entry.containerId)).toEqual(["c2"]);
    names.add("web.weave.local", "c1", 1);
    expect(names.entries().map(({ version, tombstone }) => [version, tombstone])).toEqual([
      [2, 0],
      [0, 0],
    ]);
  });

  it("can be removed by name, container, address, or all; only our own go", () => {
    const names = loneNames(1);
    names.add("a.weave.local", "c1", 1);
    names.add("b.weave.local", "c1", 1);
    names.add("b.weave.local", "c2", 2, 7);
    expect(names.remove({ hostname: "b.weave.local" })).toBe(1);
    expect(names.lookup("b.weave.local.")).toEqual([2]);
    expect(names.remove({ hostname: "A.weave.local." })).toBe(0);
    expect(names.remove({})).toBe(1);
    expect(names.lookup("b.weave.local.")).toEqual([2]);
  });

  it("of no container survive a check of what runs", () => {
    const names = loneNames();
    names.add("host.weave.local", "weave:expose", 1);
    names.add("web.weave.local", "c1", 2);
    names.retain(() => false);
    expect(names.lookup("host.weave.local.")).toEqual([1]);
    expect(names.lookup("web.weave.local.")).toEqual([]);
  });

  it("of a departed peer go without a word, tombstones after half an hour", () => {
    const clock = createVirtualClock();
    const names = loneNames(1, clock);
    names.add("a.weave.local", "c1", 1, 7);
    names.add("b.weave.local", "c2", 2);
    names.peerGone(7);
    names.containerDied("c2");
    expect(names.entries()).toHaveLength(1);
    clock.advance(1_800_000);
    expect(names.entries()).toHaveLength(1);
    clock.advance(1_800_000);
    expect(names.entries()).toHaveLength(0);
  });

  it("show themselves as the original's JSON", () => {
    const names = loneNames(5);
    names.add("web.weave.local", "c1", ip("10.32.0.1"));
    expect(JSON.parse(JSON.stringify(names))).toEqual([
      { ContainerID: "c1", Origin: 5, Addr: "10.32.0.1", Hostname: "web.weave.local.", Version: 0, Tombstone: 0 },
    ]);
  });

  it("tell listeners what changed, until they leave", () => {
    const names = loneNames();
    const seen: string[] = [];
    const off = names.onChange((changed) => seen.push(...changed.map((e) => `${e.hostname} ${e.tombstone > 0}`)));
    names.add("a.weave.local", "c", 1);
    names.containerDied("c");
    off();
    names.add("b.weave.local", "c", 1);
    expect(seen).toEqual(["a.weave.local. false", "a.weave.local. true"]);
  });

  it("refuse gossip that is garbage, or too far in time", () => {
    const names = loneNames();
    const code = (payload: Uint8Array): string | undefined => {
      try {
        names.gossip.onGossip(payload);
        return undefined;
      } catch (error) {
        return (error as DnsError).code;
      }
    };
    expect(code(Uint8Array.of(1, 2, 3))).toBe("DNS_GOSSIP_MALFORMED");
    expect(code(addressCodec.encode(epoch + 901, []))).toBe("DNS_CLOCK_SKEW");
    expect(code(addressCodec.encode(epoch - 900, []))).toBe(undefined);
  });

  it("split a large table into messages that a peer of the original can take", () => {
    const names = loneNames();
    for (let i = 0; i < 12_000; i++) names.add(`n${i}.weave.local`, `c${i}`, i);
    const messages = names.gossip.gossip()!.encode();
    expect(messages).toHaveLength(3);
    const copy = loneNames(2);
    for (const message of messages) copy.gossip.onGossip(message);
    expect(copy.entries()).toEqual(names.entries());
  });
});

describe("kept names", () => {
  it("come back after a restart, with versions that go on", async () => {
    const store = createMemoryStore();
    const clock = createVirtualClock();
    const before = loneNames(1, clock);
    const keeper = await keepNames({ names: before, store, clock });
    before.add("web.weave.local", "c1", 1);
    before.containerDied("c1");
    before.add("web.weave.local", "c1", 1);
    before.addRecord("web.weave.local", "c1", { type: "WEIGHT", weight: 3 });
    await keeper.close();
    const after = loneNames(1, clock);
    await (await keepNames({ names: after, store, clock })).close();
    expect(after.entries()).toEqual(before.entries());
    expect(after.find("web.weave.local.")).toHaveLength(2);
  });

  it("of an unknown form are reported and left alone", async () => {
    const store = createMemoryStore();
    await store.save("names", { version: 9 });
    const errors: string[] = [];
    const logger = { debug() {}, info() {}, warn() {}, error: (message: string) => void errors.push(message) };
    const keeper = await keepNames({ names: loneNames(), store, clock: createVirtualClock(), logger });
    await keeper.close();
    expect(errors).toHaveLength(1);
    expect(await store.load("names")).toEqual({ version: 9 });
  });
});

function ports(): Parameters<typeof createNames>[0] {
  return { self: 1, clock: createVirtualClock(), wallClock: () => epoch, isKnownPeer: () => true };
}
