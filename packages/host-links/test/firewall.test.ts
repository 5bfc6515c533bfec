import { describe, expect, it } from "vitest";
import { firewallRules, hookRules, sameListing } from "../src/firewall.ts";

const exposure = { cidr: "10.32.0.254/24", masquerade: true };

describe("firewall rules", () => {
  it("replace our tables as a whole, and no others", () => {
    const tables = [...firewallRules({ bridge: "weave" }).matchAll(/^(?:delete )?table (.*?)(?: \{.*)?$/gm)].map(
      ([, name]) => name,
    );
    expect(new Set(tables)).toEqual(new Set(["inet weave", "bridge weave"]));
  });
  it("masquerade what crosses the border of an exposed subnet, unless told otherwise", () => {
    expect(firewallRules({ bridge: "weave", exposures: [exposure] })).toContain(
      "ip saddr 10.32.0.0/24 ip daddr != 10.32.0.0/24 masquerade",
    );
    expect(firewallRules({ bridge: "weave", exposures: [{ ...exposure, masquerade: false }] })).not.toContain(
      "masquerade",
    );
  });
  it("let nobody but the owner send from an address", () => {
    const rules = firewallRules({ bridge: "weave", sources: [{ port: "vethwepl1", addresses: ["10.32.0.1/24"] }] });
    expect(rules).toContain('iifname "vethwepl1" ether type arp arp saddr ip != { 10.32.0.1 } drop');
  });
  it("cannot be broken out of", () => {
    const rule = {
      name: 'x" drop; #',
      kind: "export",
      protocol: "tcp",
      port: 80,
      target: { address: "10.32.0.1", port: 80 },
    } as const;
    expect(() => firewallRules({ bridge: "weave", services: [rule] })).toThrow("no rule name");
    expect(() =>
      firewallRules({
        bridge: "weave",
        services: [{ ...rule, name: "x", target: { address: "10.32.0.1 drop", port: 1 } }],
      }),
    ).toThrow("no IPv4");
    expect(() => firewallRules({ bridge: "weave", services: [{ ...rule, name: "x", port: 0 }] })).toThrow("no port");
  });
  it("stand in a chain of ours where others would drop", () => {
    expect(hookRules({ bridge: "weave", exposures: [exposure] })).toContain(
      "-A WEAVE-FORWARD -d 10.32.0.0/24 -o weave -j ACCEPT\n",
    );
  });
  it("are compared by meaning", () => {
    expect(
      sameListing(
        '{"nftables":[{"table":{"handle":1,"name":"weave"}}]}',
        '{"nftables":[{"table":{"handle":9,"name":"weave"}}]}',
      ),
    ).toBe(true);
    expect(sameListing('{"nftables":[{"table":{"name":"weave"}}]}', "")).toBe(false);
  });
});
