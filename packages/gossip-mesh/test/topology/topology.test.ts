import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { searchPaths } from "../../src/routing/paths.ts";
import { diffLinks, patchLinks } from "../../src/topology/history.ts";
import { decodeRecords, encodeRecord, joinRecords } from "../../src/topology/payload.ts";
import { type Link, type PeerRecord, sortLinks } from "../../src/topology/record.ts";
import { ShortIds } from "../../src/topology/short-ids.ts";
import { Topology } from "../../src/topology/topology.ts";

const name = fc.integer({ min: 1, max: 8 });
const link: fc.Arbitrary<Link> = fc.record({
  to: name,
  address: fc.constantFrom("10.0.0.1:6783", "10.0.0.2:40000"),
  outbound: fc.boolean(),
  established: fc.boolean(),
});
const links = fc.array(link, { maxLength: 8 }).map(sortLinks);
const record: fc.Arbitrary<PeerRecord> = fc.record({
  name: name.map((n) => n + 1),
  nickname: fc.constant("n"),
  uid: fc.bigInt({ min: 1n, max: 3n }),
  version: fc.bigInt({ min: 1n, max: 4n }),
  shortId: fc.integer({ min: 0, max: 3 }),
  hasShortId: fc.boolean(),
  links,
});
/** As owners write them: one name, incarnation, version has one content. */
const honest = fc.array(record, { maxLength: 12 }).map((records) => {
  const seen = new Map(records.map((r) => [`${r.name}/${r.uid}/${r.version}`, r]));
  return [...seen.values()];
});
const make = () => new Topology({ name: 1, nickname: "self", uid: 9n, random: () => 0.5 });
const state = (topology: Topology) =>
  [...topology.records()].filter((r) => r.name !== 1 && r.uid !== 0n).sort((a, b) => a.name - b.name);

describe("topology", () => {
  it("comes to the same in any order, however often told", () => {
    fc.assert(
      fc.property(honest, fc.integer(), (records, seed) => {
        const a = make();
        const b = make();
        for (const r of records) a.apply([r]);
        const shuffled = [...records, ...records].sort(
          (x, y) =>
            Number((x.uid * 7n + BigInt(x.name * seed)) % 5n) - Number((y.uid * 7n + BigInt(y.name * seed)) % 5n),
        );
        for (const r of shuffled) b.apply([r]);
        expect(state(b)).toEqual(state(a));
        expect(b.digest).toBe(a.digest);
      }),
    );
  });

  it("survives the wire", () => {
    fc.assert(
      fc.property(fc.array(record), (records) => {
        expect(decodeRecords(joinRecords(records.map(encodeRecord)))).toEqual(records);
      }),
    );
  });

  it("comes to the same when what is no news is not read", () => {
    fc.assert(
      fc.property(honest, honest, (before, update) => {
        const [a, b] = [make(), make()];
        a.apply(before);
        b.apply(before);
        const payload = joinRecords(update.map(encodeRecord));
        const whole = a.apply(decodeRecords(payload));
        const brief = b.apply(decodeRecords(payload, (described) => b.isNews(described)));
        expect([brief, state(b), b.digest]).toEqual([whole, state(a), a.digest]);
      }),
    );
  });

  it("a difference applied to the old gives the new", () => {
    fc.assert(
      fc.property(links, links, (before, after) => {
        expect(patchLinks(before, diffLinks(before, after))).toEqual(after);
      }),
    );
  });

  it("a difference over several versions does, too", () => {
    fc.assert(
      fc.property(fc.array(links, { minLength: 2, maxLength: 6 }), (versions) => {
        const topology = make();
        const at = (i: number): PeerRecord => ({
          name: 2,
          nickname: "",
          uid: 5n,
          version: BigInt(i + 1),
          shortId: 0,
          hasShortId: false,
          links: versions[i]!,
        });
        versions.forEach((_, i) => void topology.apply([at(i)]));
        versions.forEach((old, i) => {
          const since = topology.history(2)?.since(BigInt(i + 1));
          if (since) expect(patchLinks(old, since)).toEqual(versions.at(-1));
        });
      }),
    );
  });

  it("outgrows what an earlier life of ours has left behind", () => {
    const topology = make();
    const { changed, selfChanged } = topology.apply([{ ...topology.own, uid: 8n, version: 41n }]);
    expect({ changed, selfChanged, version: topology.own.version }).toEqual({
      changed: [],
      selfChanged: true,
      version: 42n,
    });
  });

  it("forgets who is out of reach, unless we are connected to them", () => {
    const topology = make();
    const far: PeerRecord = { name: 3, nickname: "", uid: 1n, version: 1n, shortId: 0, hasShortId: false, links: [] };
    topology.apply([far]);
    topology.adopt({ ...far, name: 4 });
    expect(topology.collect().removed.map((r) => r.name)).toEqual([3]);
    topology.release(4);
    expect(topology.collect().removed.map((r) => r.name)).toEqual([4]);
    expect(topology.size).toBe(1);
  });

  it("draws another short id when a lower name has ours", () => {
    const topology = new Topology({ name: 5, nickname: "", uid: 9n, random: () => 0.5 });
    const taken = topology.own.shortId;
    topology.apply([{ name: 2, nickname: "", uid: 1n, version: 1n, shortId: taken, hasShortId: true, links: [] }]);
    expect(topology.own.shortId).not.toBe(taken);
    expect(topology.principal(taken)).toBe(2);
  });
});

describe("short ids", () => {
  it("belong to the lowest name, and pass to the next", () => {
    const ids = new ShortIds();
    expect([ids.add(7, 5), ids.add(7, 9), ids.add(7, 3)]).toEqual([false, false, true]);
    expect(ids.remove(7, 3)).toBe(true);
    expect(ids.principal(7)).toBe(5);
    ids.remove(7, 5);
    ids.remove(7, 9);
    expect([ids.principal(7), ids.add(7, 9)]).toEqual([undefined, true]);
  });

  it("run out", () => {
    const ids = new ShortIds();
    for (let id = 0; id < 4096; id++) ids.add(id, id + 1);
    expect(ids.draw(() => 0.3)).toBeUndefined();
    ids.remove(77, 78);
    expect(ids.draw(() => 0.3)).toBe(77);
  });
});

describe("the search for routes", () => {
  it("finds the same as one that does not stop early", () => {
    fc.assert(
      fc.property(honest, (records) => {
        const topology = make();
        topology.setLink({ to: 2, address: "", outbound: true, established: true });
        topology.adopt({ name: 2, nickname: "", uid: 1n, version: 0n, shortId: 0, hasShortId: false, links: [] });
        topology.apply(records);
        const endless = { get: (n: number) => topology.get(n), size: Number.POSITIVE_INFINITY };
        for (const rule of ["all", "established"] as const) {
          expect(searchPaths(topology, 1, rule)).toEqual(searchPaths(endless, 1, rule));
        }
      }),
    );
  });
});
