import { seededRandom } from "@weaved/sim";
import { describe, expect, it } from "vitest";
import { Membership, Selector } from "../src/index.ts";

const SELECTORS = [
  "all()",
  "app == 'a'",
  "app == 'a' && has(env)",
  "app in {'b'}",
  "env != 'x'",
  "!has(app)",
  "app == 'a' || env == 'x'",
];
const SEED = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));

describe("Membership", () => {
  it(`agrees with asking every selector about everything after random changes (SEED=${SEED})`, () => {
    for (let run = 0; run < 100; run++) {
      const random = seededRandom(SEED + run);
      const pick = <T>(list: readonly T[]) => list[Math.floor(random() * list.length)]!;
      const membership = new Membership<{ id: string; labels: Record<string, string> }>();
      const things = new Map<string, Record<string, string>>();
      const watched = new Map<string, Selector>();
      const heard = new Map<string, Set<string>>();
      for (let step = 0; step < 60; step++) {
        const id = pick(["1", "2", "3", "4"]);
        const selector = Selector.parse(pick(SELECTORS));
        if (random() < 0.2) {
          watched.set(selector.text, selector);
          heard.set(selector.text, new Set(membership.watch(selector).map((one) => one.id)));
        } else if (random() < 0.1) {
          watched.delete(selector.text);
          membership.unwatch(selector);
        } else {
          const labels =
            random() < 0.2
              ? undefined
              : { ...(random() < 0.7 && { app: pick(["a", "b"]) }), ...(random() < 0.5 && { env: pick(["x", "y"]) }) };
          if (labels) things.set(id, labels);
          else things.delete(id);
          const changes = labels ? membership.set({ id, labels }) : membership.remove(id);
          for (const change of changes) heard.get(change.selector)?.[change.matches ? "add" : "delete"](change.id);
        }
        for (const one of watched.values()) {
          const wanted = [...things]
            .filter(([, labels]) => one.matches(labels))
            .map(([name]) => name)
            .sort();
          expect(
            membership.members(one).map((thing) => thing.id),
            `SEED=${SEED + run}, step ${step}`,
          ).toEqual(wanted);
          expect([...heard.get(one.text)!].sort(), `changes, SEED=${SEED + run}, step ${step}`).toEqual(wanted);
        }
      }
    }
  });

  it("does not ask a selector that demands another value", () => {
    const membership = new Membership<{ id: string; labels: Record<string, string> }>();
    membership.watch(Selector.parse("app == 'a'"));
    expect(membership.set({ id: "1", labels: { app: "b" } })).toEqual([]);
    expect(membership.set({ id: "1", labels: { app: "a" } })).toEqual([
      { selector: 'app == "a"', id: "1", matches: true },
    ]);
    expect(membership.remove("1")).toEqual([{ selector: 'app == "a"', id: "1", matches: false }]);
  });
});
