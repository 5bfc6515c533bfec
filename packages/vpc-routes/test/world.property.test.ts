import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type OwnedRange, planRoutes } from "../src/index.ts";
import { eni, setUp } from "./set-up.ts";

const BASE = 0x0a20_0000;
const WITHIN = ["10.32.0.0/12"];
const HOSTS = 4;

/** Sorted, disjoint ranges in 10.32.0.0/22. */
const ring = fc
  .array(fc.record({ size: fc.integer({ min: 1, max: 200 }), peer: fc.integer({ min: 1, max: HOSTS }) }), {
    maxLength: 12,
  })
  .map((parts) => {
    const ranges: OwnedRange[] = [];
    let at = BASE;
    for (const { size, peer } of parts) {
      const end = Math.min(at + size, BASE + 1024);
      if (at < end) ranges.push({ start: at, end, peer });
      at = end;
    }
    return ranges;
  });
const spread = (ranges: readonly OwnedRange[]) =>
  ranges.flatMap((r) => Array.from({ length: r.end - r.start }, (_, i) => `${r.start + i} ${r.peer}`)).sort();

describe("a cluster in a VPC", () => {
  it("comes to rest within the limit, with the planned routes in every table, no address lost, nothing foreign touched", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(ring, { minLength: 1, maxLength: 3 }),
        fc.integer({ min: 4, max: 20 }),
        async (rings, limit) => {
          const { clock, ec2, start, destinations } = setUp({ limit, quota: limit });
          // Local, default, a stranger's inside the container network: each counts.
          for (const id of ["rtb-1", "rtb-2"]) {
            ec2.putRoute(id, { destination: "0.0.0.0/0", gateway: "igw-1" });
            ec2.putRoute(id, { destination: "10.47.0.0/16", eni: "eni-0000beef", state: "active" });
          }
          const hosts = Array.from({ length: HOSTS }, (_, i) => start(i + 1));
          for (const ranges of rings) {
            for (const host of hosts) host.update({ ranges });
            await clock.advance(300_000);
            for (const id of ["rtb-1", "rtb-2"]) expect(ec2.table(id).routes.length).toBeLessThanOrEqual(limit);
          }
          const ranges = rings.at(-1) ?? [];
          const members = new Map(hosts.map((_, i) => [eni(i + 1), i + 1]));
          const ours = (id: string) =>
            destinations(id)
              .filter((line) => !line.endsWith("beef"))
              .sort();
          // What is installed may be the better of two equal plans: planning again from it changes nothing.
          const installed = new Map(
            ours("rtb-1").map((line) => [line.split(" ")[0] ?? "", members.get(line.split(" ")[1] ?? "") ?? 0]),
          );
          const plan = planRoutes({ ranges, within: WITHIN, budget: limit - 3, installed });
          const planned = plan.routes.map(({ destination, peer }) => `${destination} ${eni(peer)}`).sort();
          expect(ours("rtb-1")).toEqual(planned);
          expect(ours("rtb-2")).toEqual(planned);
          for (const [i, host] of hosts.entries()) {
            const { native, overlay } = host.status();
            const own = ranges.filter((range) => range.peer === i + 1);
            expect(new Set(spread([...native, ...overlay, ...own]))).toEqual(new Set(spread(ranges)));
            expect(host.status().unsettled).toBe(false);
            await host.close();
          }
          for (const id of ["rtb-1", "rtb-2"]) {
            expect(ec2.table(id).routes).toContainEqual(
              expect.objectContaining({ destination: "0.0.0.0/0", gateway: "igw-1" }),
            );
            expect(ec2.table(id).routes).toContainEqual(
              expect.objectContaining({ destination: "10.47.0.0/16", eni: "eni-0000beef" }),
            );
          }
        },
      ),
      { numRuns: 10, endOnFailure: true },
    );
  });
});
