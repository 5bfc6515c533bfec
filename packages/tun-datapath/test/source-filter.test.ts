import { describe, expect, it } from "vitest";
import { noSourceFilterRules, sourceFilterRules } from "../src/source-filter.ts";

describe("sourceFilterRules", () => {
  it("replaces the table in one transaction, and lets nothing but the sources through", () => {
    expect(sourceFilterRules({ bridge: "weave", port: 6784, sources: ["192.0.2.2", "192.0.2.3"] })).toBe(
      `table inet weave-vxlan-6784 {}
delete table inet weave-vxlan-6784
table inet weave-vxlan-6784 {
  set sources { type ipv4_addr; elements = { 192.0.2.2, 192.0.2.3 }; }
  chain input {
    type filter hook input priority filter - 10; policy accept;
    iifname "weave" udp dport { 6783, 6784 } drop
    udp dport 6784 ip saddr @sources accept
    udp dport 6784 drop
  }
}
`,
    );
  });

  it("lets nothing through without a source", () => {
    expect(sourceFilterRules({ bridge: "weave", port: 6784, sources: [] })).toContain(
      "set sources { type ipv4_addr; }",
    );
  });

  it("is taken away whether or not it is there", () => {
    expect(noSourceFilterRules(7001)).toBe("table inet weave-vxlan-7001 {}\ndelete table inet weave-vxlan-7001\n");
  });
});
