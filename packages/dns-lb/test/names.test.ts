import { Ip } from "@weaved/ip";
import { createVirtualClock } from "@weaved/sim";
import { describe, expect, it } from "vitest";
import { DnsError } from "../src/errors.ts";
import { createNames } from "../src/names.ts";
import { createHostNames } from "../src/node/names.ts";
import type { NameRecord } from "../src/records.ts";
import { keepNames } from "../src/snapshot.ts";
import { createMemoryStore } from "../src/testing/index.ts";
import { addressCodec } from "../src/wire.ts";
import { epoch, ip, loneNames } from "./support/cluster.ts";

describe("names", () => {
  it("answer whatever the case, with and without the trailing dot at registration", () => {
    const names = loneNames();
    expect(names.add("Web.weave.local", "c1", ip("10.32.0.1"))).toBe(true);
    expect(String(names.lookup("WEB.weave.LOCAL"))).toBe("10.32.0.1");
    expect(names.reverse(ip("10.32.0.1"))).toBe("Web.weave.local.");
  });

  it.each<[string, string | number]>([
    ["a text that is not an address", "10.32.0.256"],
    ["a short form", "10.1"],
    ["an IPv6 address", "fd00::1"],
    ["a number of more than 32 bits", 2 ** 32],
    ["no number", Number.NaN],
  ])("refuse %s instead of storing 0.0.0.0", (_, address) => {
    const names = loneNames();
    expect(() => names.add("a.weave.local", "c", address)).toThrow(
      expect.objectContaining({ code: "DNS_BAD_ADDRESS" }),
    );
    expect(() => names.reverse(address)).toThrow(expect.objectContaining({ code: "DNS_BAD_ADDRESS" }));
    expect(() => names.remove({ address })).toThrow(expect.objectContaining({ code: "DNS_BAD_ADDRESS" }));
    expect(names.entries()).toEqual([]);
  });

  it("take an address as text, as Ip, or as a number", () => {
    const names = loneNames();
    for (const [i, address] of ["10.32.0.1", Ip.parse("10.32.0.2"), 0x0a200003].entries()) {
      names.add("a.weave.local", `c${i}`, address);
    }
    expect(names.lookup("a.weave.local").map(String)).toEqual(["10.32.0.1", "10.32.0.2", "10.32.0.3"]);
  });

  it("refuse a record of an unknown type", () => {
    const record = { type: "TXT", text: "x" } as unknown as NameRecord;
    expect(() => loneNames().addRecord("a.weave.local", "c", record)).toThrow(
      expect.objectContaining({ code: "DNS_BAD_RECORD" }),
    );
  });

  it("need a domain only", () => {
    const names = createHostNames({ domain: "example.test" });
    names.add("a.example.test", "c", "10.0.0.1");
    expect(names.lookup("a.example.test").map(String)).toEqual(["10.0.0.1"]);
    names.close();
  });

  it("announce the health of a container for its present and its later names, until it is healthy or gone", () => {
    const names = loneNames();
    const unhealthy = (name: string): boolean => names.find(name).some(({ type }) => type === "HEALTH");
    names.add("a.weave.local", "c", 1);
    names.setHealth("c", false);
    names.add("b.weave.local", "c", 1);
    expect([unhealthy("a.weave.local"), unhealthy("b.weave.local")]).toEqual([true, true]);
    names.setHealth("c", true);
    expect([unhealthy("a.weave.local"), unhealthy("b.weave.local")]).toEqual([false, false]);
    names.setHealth("c", false);
    names.containerDied("c");
    names.add("a.weave.local", "c", 1);
    expect(unhealthy("a.weave.local")).toBe(false);
  });

  it("outside the domain are ignored", () => {
    const names = loneNames();
    expect(names.add("web.example.com", "c1", 1)).toBe(false);
    expect(names.add("xweave.local", "c1", 1)).toBe(false);
    expect(names.entries()).toEqual([]);
  });

  it("of a domain given in capitals work, unlike in Weave Net 2.8", () => {
    const names = createNames({ ...ports(), domain: "Weave.LOCAL" });
    names.add("a.weave.local", "c", 1);
    expect(names.domain).toBe("weave.local.");
    expect(names.lookup("a.weave.local.").map(String)).toEqual(["0.0.0.1"]);
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
    expect(names.lookup("b.weave.local.").map(String)).toEqual(["0.0.0.2"]);
    expect(names.remove({ hostname: "A.weave.local." })).toBe(0);
    expect(names.remove({})).toBe(1);
    expect(names.lookup("b.weave.local.").map(String)).toEqual(["0.0.0.2"]);
  });

  it("of no container survive a check of what runs", () => {
    const names = loneNames();
    names.add("host.weave.local", "weave:expose", 1);
    names.add("web.weave.local", "c1", 2);
    names.retain(() => false);
    expect(names.lookup("host.weave.local.").map(String)).toEqual(["0.0.0.1"]);
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

  it("appear in JSON in the form of Weave Net 2.8", () => {
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

  it("split a large table into messages of a size that Weave Net 2.8 accepts", () => {
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

  it("are saved again after a full disk", async () => {
    const store = createMemoryStore();
    const clock = createVirtualClock();
    let isFull = true;
    const errors: string[] = [];
    const logger = { debug() {}, info() {}, warn() {}, error: (message: string) => void errors.push(message) };
    const save = async (key: string, value: unknown): Promise<void> => {
      if (isFull) throw new Error("ENOSPC");
      await store.save(key, value);
    };
    const names = loneNames(1, clock);
    const keeper = await keepNames({ names, store: { ...store, save }, clock, logger });
    names.add("web.weave.local", "c1", 1);
    for (let i = 0; i < 4; i++) {
      clock.advance(5000);
      await new Promise((resolve) => setImmediate(resolve));
    }
    isFull = false;
    clock.advance(5000);
    await keeper.close();
    expect(errors).toHaveLength(1);
    expect(await store.load("names")).toMatchObject({ entries: [{ hostname: "web.weave.local." }] });
  });

  it("lose only the entry that cannot be announced", async () => {
    const store = createMemoryStore();
    const clock = createVirtualClock();
    const before = loneNames(1, clock);
    before.add("web.weave.local", "c1", 1);
    const { entries } = before.snapshot();
    await store.save("names", { version: 1, entries: [{ ...entries[0], version: 2 ** 53 }, "noise", ...entries] });
    const after = loneNames(1, clock);
    await (await keepNames({ names: after, store, clock })).close();
    expect(after.entries()).toEqual(before.entries());
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
