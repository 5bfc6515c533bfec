import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PathMtuSearch, UNKNOWN_MTU } from "../src/pmtu.ts";

describe("PathMtuSearch", () => {
  it("finds the largest size that passes, however often probes are lost", () => {
    fc.assert(
      fc.property(fc.integer({ min: 600, max: 9_000 }), fc.integer({ min: 0, max: 7 }), (truth, lost) => {
        let probe = 0;
        let sent = 0;
        const search = new PathMtuSearch((mtu) => {
          probe = mtu;
          sent++;
        });
        let now = 0;
        search.tooBig(9_000, now);
        while (search.searching) {
          if (probe <= truth && sent > lost) {
            sent = 0;
            search.answered(probe, now);
          } else {
            now = search.nextMs;
            const before = probe;
            search.tick(now);
            if (probe !== before) sent = 1;
          }
        }
        expect(search.mtu).toBe(truth);
      }),
    );
  });

  it("ignores a refusal that it knows already, and answers without a question", () => {
    const probes: number[] = [];
    const search = new PathMtuSearch((mtu) => probes.push(mtu));
    search.answered(1_400, 0);
    expect(search.mtu).toBe(UNKNOWN_MTU);
    search.tooBig(1_400, 0);
    search.tooBig(1_400, 1);
    search.tooBig(1_500, 1);
    expect(probes).toEqual([1_400]);
  });
});
