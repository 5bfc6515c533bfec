import { describe, expect, it } from "vitest";
import { optionSpecs, type Settings } from "../../src/config/options.ts";
import { firewallText } from "../../src/diagnostics/firewall.ts";
import { type FirewallSources, firewallOf } from "../../src/services/firewall.ts";

const defaults = Object.fromEntries(Object.entries(optionSpecs).map(([name, { default: value }]) => [name, value]));
const [self, other] = [0x7a9febb60c6e, 0x7a9febb60c6f];

function sources(settings: object = {}): FirewallSources {
  const mesh = {
    name: self,
    status: () => ({
      peers: [{ name: self }, { name: other }],
      connections: [
        { state: "established", address: "192.0.2.2:6783" },
        { state: "established", address: "[2001:db8::2]:50001" },
        { state: "failed", address: "192.0.2.99:6783" },
      ],
    }),
  };
  const ranges = [
    { start: 0x0a200000, end: 0x0a280000, peer: self },
    { start: 0x0a280000, end: 0x0a300000, peer: other },
  ];
  return {
    settings: { ...defaults, "http-addr": "127.0.0.1:6784", "status-addr": "0.0.0.0:6782", ...settings } as Settings,
    mesh: mesh as unknown as FirewallSources["mesh"],
    ipam: { ranges: () => ranges } as unknown as NonNullable<FirewallSources["ipam"]>,
  };
}

describe("firewallOf", () => {
  it("reserves the ranges, addresses, and bridges of other hosts", () => {
    expect(firewallOf(sources()).antiSpoofing).toEqual({
      mode: "impersonation",
      reserved: { addresses: ["10.40.0.0/13", "192.0.2.2", "2001:db8::2"], macs: ["7a:9f:eb:b6:0c:6f"] },
      tunnels: ["vethwe-tap", "vx-weave"],
    });
  });
  it("guards the ports of the mesh, and of listeners on loopback only", () => {
    const spec = firewallOf(sources({ port: 7000, "docker-bridge": "br1" }));
    expect(spec).toMatchObject({
      engineBridges: ["br1"],
      guardedPorts: [7000, 7001],
      loopbackPorts: [6784],
      dnsPort: 53,
      keepSource: [],
    });
    expect(firewallOf(sources({ "no-dns": true }))).not.toHaveProperty("dnsPort");
  });
  it("keeps the source of traffic to this host's own ranges with --no-masq-local", () => {
    expect(firewallOf(sources({ "no-masq-local": true })).keepSource).toEqual(["10.32.0.0/13"]);
  });
  it("is strict for all containers with --anti-spoof=strict", () => {
    expect(firewallOf(sources({ "anti-spoof": "strict" })).antiSpoofing?.mode).toBe("strict");
  });
});

describe("firewallText", () => {
  it("shows modes, separations, and what was dropped", () => {
    const port = {
      port: "vethwepl1",
      addresses: ["10.32.0.1/12"],
      strict: true,
      allowSources: ["192.168.7.0/24"],
      allowDhcp: true,
    };
    const text = firewallText({ rules: firewallOf(sources()), ports: [port], drops: { arp: 3 } } as never);
    expect(text).toContain("anti-spoofing     impersonation");
    expect(text).toContain("guarded ports     6783, 6784");
    expect(text).toContain("dropped           arp 3");
    expect(text).toMatch(/vethwepl1\s+10\.32\.0\.1\/12\s+strict\s+192\.168\.7\.0\/24, DHCP/);
  });
});
