import { describe, expect, it } from "vitest";
import { type HostRoute, refuseOverlap } from "../../src/config/overlap.ts";
import { readSettings } from "../../src/config/settings.ts";

const check = (argv: readonly string[], routes: readonly HostRoute[] = []) =>
  refuseOverlap(readSettings({ argv, env: {}, readFile: () => "" }), routes);

describe("a range for allocation", () => {
  it.each(["127.0.0.0/8", "127.1.0.0/16", "224.0.0.0/4", "0.0.0.0/0", "169.254.0.0/16", "240.0.0.0/4"])(
    "%s is refused, because no network can use it",
    (range) => {
      expect(() => check([`--ipalloc-range=${range}`])).toThrow(expect.objectContaining({ code: "RANGE_OVERLAP" }));
    },
  );

  it.each([
    { dst: "10.32.0.0/16", dev: "eth0" },
    { dst: "10.0.0.0/8", dev: "tun0" },
    { dst: "10.40.1.7", dev: "wg0" },
  ])("is refused when it overlaps the route %j of this host", (route) => {
    expect(() => check(["--ipalloc-range=10.32.0.0/12"], [route])).toThrow(
      new RegExp(`overlaps the route ${route.dst} of device ${route.dev}.*--allow-overlap`),
    );
    expect(() => check(["--ipalloc-range=10.32.0.0/12", "--allow-overlap"], [route])).not.toThrow();
  });

  it("may overlap our own bridge at a restart, the default route, and the routes of VPC mode", () => {
    const own = { dst: "10.32.0.0/12", dev: "weave" };
    expect(() => check(["--ipalloc-range=10.32.0.0/12"], [own, { dst: "default", dev: "eth0" }])).not.toThrow();
    expect(() => check(["--ipalloc-range=10.32.0.0/12", "--awsvpc"], [{ ...own, dev: "eth0" }])).not.toThrow();
  });
});
