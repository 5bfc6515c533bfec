import { describe, expect, it } from "vitest";
import { hookRules } from "../../src/firewall/hook.ts";
import { readDrops, sameListing } from "../../src/firewall/listing.ts";
import { guardRules as guardOf, firewallRules as rulesOf } from "../../src/firewall/tables.ts";
import type { FirewallSpec } from "../../src/types.ts";

const ours = { prefix: "weave", owner: "weave" };
const exposure = { cidr: "10.32.0.254/24", masquerade: true };
const firewallRules = (spec: FirewallSpec) => rulesOf(spec, ours);
const port = {
  port: "vethwepl1",
  addresses: ["10.32.0.1/24"],
  mac: "0a:58:0a:20:00:01",
  strict: false,
  allowSources: [],
  allowDhcp: false,
};
const guard = {
  ports: [port],
  antiSpoofing: {},
  host: { addresses: [], macs: [] },
  exposures: [],
  targets: [],
};
const tablesOf = (rules: string) =>
  new Set([...rules.matchAll(/^(?:delete )?table (.*?)(?: \{.*)?$/gm)].map(([, name]) => name));

describe("firewallRules", () => {
  it("replaces the table of its prefix as a whole, and no other", () => {
    expect(tablesOf(firewallRules({ bridge: "weave" }))).toEqual(new Set(["inet weave"]));
    expect(tablesOf(rulesOf({ bridge: "weave" }, { prefix: "mine", owner: "mine" }))).toEqual(new Set(["inet mine"]));
  });
  it("masquerades what enters or leaves an exposed subnet, unless asked not to", () => {
    expect(firewallRules({ bridge: "weave", exposures: [exposure] })).toContain(
      "ip saddr 10.32.0.0/24 ip daddr != 10.32.0.0/24 masquerade",
    );
    expect(firewallRules({ bridge: "weave", exposures: [{ ...exposure, masquerade: false }] })).not.toContain(
      "masquerade",
    );
  });
  it("keeps the source of traffic to the destinations that ask for it, before it masquerades", () => {
    const rules = firewallRules({ bridge: "weave", exposures: [exposure], keepSource: ["10.32.0.0/26"] });
    expect(rules.indexOf("ip daddr 10.32.0.0/26 return")).toBeLessThan(rules.indexOf("masquerade"));
    expect(rules).toContain("ip daddr 10.32.0.0/26 return");
  });
  it.each([
    [{ bridge: 'weave" drop' }, "not a valid interface name"],
    [{ engineBridges: ["docker0; drop"] }, "not a valid interface name"],
    [{ guardedPorts: [0] }, "0 is not a valid port"],
    [{ loopbackPorts: [6784.5] }, "6784.5 is not a valid port"],
    [{ dnsPort: 65536 }, "65536 is not a valid port"],
    [{ keepSource: ["10.0.0.0/8 accept"] }, "not a valid"],
    [{ antiSpoofing: { reserved: { macs: ["x"] } } }, "not a valid MAC"],
  ] as const)("refuses %j", (change, message) => {
    expect(() => firewallRules({ bridge: "weave", ...change })).toThrow(message);
  });
  it("refuses services that would end a rule and begin another", () => {
    const rule = {
      name: 'x" drop; #',
      kind: "export",
      protocol: "tcp",
      port: 80,
      target: { address: "10.32.0.1", port: 80 },
    } as const;
    const refused = (change: object) => () =>
      firewallRules({ bridge: "weave", services: [{ ...rule, name: "x", ...change }] });
    expect(refused({ name: rule.name })).toThrow("not a valid rule name");
    expect(refused({ target: { address: "10.32.0.1 drop", port: 1 } })).toThrow("not a valid IP address");
    expect(refused({ port: 0 })).toThrow("not a valid port");
  });
});

describe("guardRules", () => {
  it("replaces the bridge table of its prefix, and no other", () => {
    expect(tablesOf(guardOf(guard, ours))).toEqual(new Set(["bridge weave"]));
  });
  it("pairs each port with what is its own", () => {
    const rules = guardOf(guard, ours);
    expect(rules).toContain('"vethwepl1" . 10.32.0.1');
    expect(rules).toContain('"vethwepl1" . 0a:58:0a:20:00:01');
    expect(rules).toContain('"vethwepl1" . fe80::858:aff:fe20:1');
  });
  it("accepts for the host's own addresses only, not for their subnets, before it keeps subnets apart", () => {
    const exposures = ["10.32.0.254/24", "10.33.0.254/24"].map((cidr) => ({ cidr, masquerade: true }));
    const host = { addresses: exposures.map(({ cidr }) => cidr), macs: [] };
    const rules = guardOf({ ...guard, exposures, host }, ours);
    expect(rules).toContain("ip daddr { 10.32.0.254, 10.33.0.254 } accept");
    expect(rules).toContain("ip saddr 10.32.0.0/24 ip daddr { 10.33.0.0/24 } counter drop");
  });
  it("reserves the MACs and link-local addresses that go with a reserved range", () => {
    const rules = guardOf({ ...guard, antiSpoofing: { reserved: { addresses: ["10.40.0.0/16"] } } }, ours);
    expect(rules).toContain("10.40.0.0-10.40.255.255");
    expect(rules).toContain("0a:58:0a:28:00:00-0a:58:0a:28:ff:ff");
    expect(rules).toContain("fe80::858:aff:fe28:0-fe80::858:aff:fe28:ffff");
  });
});

describe("hookRules", () => {
  it("accepts in a chain of ours what another program's policy would drop", () => {
    expect(hookRules({ bridge: "weave", exposures: [exposure] }, "weave")).toContain(
      "-A WEAVE-FORWARD -d 10.32.0.0/24 -o weave -j ACCEPT\n",
    );
  });
  it("lets containers ask the name server", () => {
    const rules = hookRules({ bridge: "weave", engineBridges: ["docker0"], dnsPort: 53 }, "weave");
    expect(rules).toContain("-A WEAVE-INPUT -i docker0 -p udp -m udp --dport 53 -j ACCEPT\n");
    expect(rules).toContain("-A WEAVE-INPUT -i weave -p tcp -m tcp --dport 53 -j ACCEPT\n");
  });
  it("passes bridged IPv6, and no more of it", () => {
    expect(hookRules({ bridge: "weave", exposures: [exposure], dnsPort: 53 }, "weave", "ip6tables")).toBe(
      "*filter\n:WEAVE-FORWARD - [0:0]\n:WEAVE-INPUT - [0:0]\n-A WEAVE-FORWARD -i weave -o weave -j ACCEPT\nCOMMIT\n",
    );
  });
});

describe("listings", () => {
  it("are the same whatever their handles and counters", () => {
    const listing = (handle: number, packets: number) =>
      JSON.stringify({ nftables: [{ rule: { handle, comment: "mac", expr: [{ counter: { packets, bytes: 1 } }] } }] });
    expect(sameListing(listing(1, 0), listing(9, 3))).toBe(true);
    expect(sameListing(listing(1, 0), "")).toBe(false);
    expect(readDrops(listing(1, 3))).toEqual({ mac: 3 });
  });
});
