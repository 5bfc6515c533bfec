import { describe, expect, it } from "vitest";
import { pathKey, renderFaults } from "../src/faults.ts";
import { natRules, planLab } from "../src/plan.ts";
import { planTopology } from "../src/topology.ts";

describe("planLab", () => {
  it("starts every namespace with the lab's id, so that labs cannot meet", () => {
    const plan = planLab("nl0000", planTopology({ hosts: { a: { containers: 2, nat: true } } }));
    const names = [plan.switches, ...plan.nats, ...plan.hosts, ...plan.containers].map((one) => one.netns);
    expect(names).toEqual(["nl0000.switches", "nl0000-a.nat", "nl0000-a", "nl0000-a.c1", "nl0000-a.c2"]);
  });

  it("plugs hosts into switches by cables whose far ends are made where they belong", () => {
    const plan = planLab("nl0000", planTopology({ hosts: { a: {} } }));
    expect(plan.switches.ip).toEqual([
      "link set lo up",
      "link add s0 type bridge forward_delay 0 stp_state 0 mcast_snooping 0",
      "link set s0 mtu 1500 up alias switch",
      "addr add 10.77.1.1/24 dev s0",
      "link add p0 mtu 1500 type veth peer name eth0 mtu 1500 netns nl0000-a",
      "link set p0 master s0 up alias a",
    ]);
    expect(plan.hosts[0]?.ip).toEqual([
      "link set lo up",
      "addr add 10.77.1.11/24 dev eth0",
      "link set eth0 up",
      "route add default via 10.77.1.1",
    ]);
  });

  it("gives an unrouted switch no router", () => {
    const plan = planLab("nl0000", planTopology({ switches: { x: { routed: false } }, hosts: { a: {} } }));
    expect(plan.switches.ip.some((line) => line.startsWith("addr"))).toBe(false);
    expect(plan.hosts[0]?.ip.some((line) => line.startsWith("route"))).toBe(false);
  });
});

describe("natRules", () => {
  const nat = { hostAddress: "192.168.1.2", gateway: "192.168.1.1", bits: 24 };

  it("passes in only the ports asked for", () => {
    expect(natRules({ ...nat, forward: [6783], symmetric: false })).toContain("th dport { 6783 } dnat to 192.168.1.2");
    expect(natRules({ ...nat, forward: [], symmetric: false })).not.toContain("dnat to");
  });

  it("draws a new port per connection when symmetric", () => {
    expect(natRules({ ...nat, forward: [], symmetric: true })).toContain("masquerade fully-random");
  });
});

describe("renderFaults", () => {
  const topology = planTopology({ hosts: { a: {}, b: {} } });

  it("replaces the whole table in one transaction", () => {
    expect(renderFaults(topology, new Map())).toMatch(/^table netdev netlab\ndelete table netdev netlab\n/);
  });

  it("names a path by the sender's mark with the receiver's port", () => {
    const text = renderFaults(topology, new Map([[pathKey("a", "b"), { cut: true }]]));
    expect(text).toContain('elements = { 1 . "p1" : drop }');
  });

  it("draws losses in hundredths of a percent, counts the Ethernet header in sizes", () => {
    const text = renderFaults(topology, new Map([[pathKey("b", "a"), { lossPercent: 12.5, maxBytes: 1200 }]]));
    expect(text).toContain('elements = { 2 . "p0" : jump fault_1250_1200 }');
    expect(text).toContain("numgen random mod 10000 < 1250 drop");
    expect(text).toContain("meta length > 1214 drop");
  });
});
