import { seededRandom } from "@weaved/sim";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createFastAnswers } from "../src/fast-answers.ts";
import type { Names } from "../src/names.ts";
import { createResponder, type Dialect } from "../src/responder.ts";
import { createStats } from "../src/stats.ts";
import { localFirst, roundRobin, type Strategy, shuffle } from "../src/strategy.ts";
import { ip, loneNames } from "./support/cluster.ts";
import { anyQuery, garbledQuery, hotQuery, query, read } from "./support/queries.ts";

function someNames(): Names {
  const names = loneNames(1);
  for (let i = 1; i <= 10; i++) names.add("web.weave.local", `c${i}`, ip(`10.32.0.${i}`), (i % 3) + 1);
  for (let i = 0; i < 100; i++) names.add("big.weave.local", `b${i}`, ip("10.33.0.0") + i);
  names.add("sub.dom.weave.local", "s", ip("10.32.1.1"));
  names.add("web.weave.local", "again", ip("10.32.0.1"), 2);
  return names;
}

/** Keeps table order, so that both paths must give the same bytes. */
const asStored: Strategy = { name: "as-stored", arrange: (_, order) => order.sort((a, b) => a - b).length };

function pair(
  names: Names,
  dialect: Dialect,
  strategy: Strategy,
): { fast(q: Uint8Array): Uint8Array | undefined; plain(q: Uint8Array): Uint8Array | undefined } {
  const shared = { names, strategy, ttl: 7, dialect, maxUdpBytes: dialect === "legacy" ? 65_535 : 1232 };
  const responder = createResponder({ ...shared, random: seededRandom(1) });
  const fast = createFastAnswers({ ...shared, random: seededRandom(2), stats: createStats(), view: undefined });
  const out = new Uint8Array(70_000).fill(0xee);
  return {
    fast(bytes) {
      // A Buffer that is used again afterwards, as sockets do: nothing may keep a view of it.
      const message = Buffer.from([9, 9, ...bytes, 9]);
      const where = { message, start: 2, end: message.length - 1, out, outStart: 100, outEnd: out.length };
      const length = fast.answer({ ...where, client: 1 });
      message.fill(0xff);
      return length > 0 ? out.slice(100, 100 + length) : undefined;
    },
    plain(bytes) {
      const verdict = responder.respond(bytes, { address: 1, transport: "udp" });
      return verdict.do === "reply" ? verdict.bytes : undefined;
    },
  };
}

describe.each<Dialect>(["standard", "legacy"])("the fast path in dialect %s", (dialect) => {
  const names = someNames();

  it("gives the plain path's bytes or declines, for any query however garbled", () => {
    const { fast, plain } = pair(names, dialect, asStored);
    let taken = 0;
    fc.assert(
      fc.property(fc.oneof(anyQuery, hotQuery, garbledQuery), (bytes) => {
        const quick = fast(bytes);
        if (quick === undefined) return;
        taken++;
        expect(quick).toEqual(plain(bytes));
      }),
      { numRuns: 2500 },
    );
    expect(taken).toBeGreaterThan(500);
  });

  it.each([shuffle(), roundRobin(), localFirst()])("gives the plain path's set of answers under $name", (strategy) => {
    const { fast, plain } = pair(names, dialect, strategy);
    fc.assert(
      fc.property(fc.constantFrom("web.weave.local", "WEB.weave.LOCAL", "sub.dom.weave.local"), (name) => {
        const quick = read(fast(query(name, "A", 1232))!);
        const slow = read(plain(query(name, "A", 1232))!);
        const sorted = ({ answers = [] }: typeof quick): string[] =>
          answers.map((answer) => JSON.stringify(answer)).sort();
        expect(sorted(quick)).toEqual(sorted(slow));
        expect({ ...quick, answers: [] }).toEqual({ ...slow, answers: [] });
      }),
      { numRuns: 100 },
    );
  });

  it("follows every change of the names", () => {
    const changing = someNames();
    const { fast, plain } = pair(changing, dialect, asStored);
    for (let i = 1; i <= 10; i++) {
      expect(fast(query("web.weave.local"))).toEqual(plain(query("web.weave.local")));
      changing.containerDied(`c${i}`);
    }
    changing.peerGone(1);
    changing.peerGone(2);
    changing.peerGone(3);
    expect(fast(query("web.weave.local"))).toBeUndefined();
  });

  it("keeps names apart whose hashes collide or whose tables overflow", () => {
    const many = loneNames();
    for (let i = 0; i < 6000; i++) many.add(`n${i}.weave.local`, `c${i}`, i + 1);
    const { fast, plain } = pair(many, dialect, asStored);
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < 6000; i++) {
        const bytes = query(`n${i}.weave.local`);
        const quick = fast(bytes)!;
        expect(Buffer.compare(quick, plain(bytes)!)).toBe(0);
      }
    }
  });
});
