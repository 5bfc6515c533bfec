import { Ip } from "@weaved/ip";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { linkLocalOf, macOfAddress, parseMac } from "../../src/address.ts";
import { createHostLinks, createHostRunner, type HostLinks } from "../../src/node/index.ts";
import type { AttachmentSpec, FirewallSpec } from "../../src/types.ts";
import { arp, broadcast, ether, icmp, ipv4, ipv6, openWire, tagged, udp, type Wire } from "../support/frames.ts";
import { createLab, type Lab, pings, root, run, until, within } from "../support/lab.ts";

const [own, victim, absent, gateway] = ["10.32.0.1", "10.32.0.2", "10.40.0.9", "10.32.0.254"];
const mac = macOfAddress(`${own}/24`);
const bridgeMac = "7a:9f:eb:b6:0c:6e";
const linkLocal = (of: string) => Ip.fromBits(6, linkLocalOf(parseMac(of))).toString();
const [ownLocal, victimLocal] = [own, victim].map((address) => linkLocal(macOfAddress(`${address}/24`))) as [
  string,
  string,
];
const allNodes = "ff02::1";
const vrrp = "00:00:5e:00:01:07";

/** What a container without rights may not say: each frame passes when the rules are gone. */
const attacks: readonly (readonly [title: string, frame: Buffer])[] = [
  ["ARP as another container", arp(mac, victim)],
  ["ARP as the gateway", arp(mac, gateway)],
  ["ARP as this host's address on its own network", arp(mac, "192.0.2.1")],
  ["ARP as a container of another host", arp(mac, absent)],
  ["ARP as another host", arp(mac, "192.0.2.7")],
  ["IPv4 as another container", ipv4(mac, victim, own, 17, udp(1, 2))],
  ["IPv4 as a container of another host", ipv4(mac, absent, own, 17, udp(1, 2))],
  ["IPv4 as the gateway", ipv4(mac, gateway, own, 17, udp(1, 2))],
  ["IPv6 as another container", ipv6(mac, victimLocal, allNodes, 17, udp(1, 2))],
  ["IPv6 as the host's bridge", ipv6(mac, linkLocal(bridgeMac), allNodes, 17, udp(1, 2))],
  ["IPv6 as a container of another host", ipv6(mac, linkLocal(macOfAddress(absent)), allNodes, 17, udp(1, 2))],
  ["a neighbour advertisement about another container", ipv6(mac, ownLocal, allNodes, 58, icmp(136, victimLocal))],
  ["a neighbour advertisement about the host", ipv6(mac, ownLocal, allNodes, 58, icmp(136, linkLocal(bridgeMac)))],
  ["duplicate address detection about another container", ipv6(mac, "::", allNodes, 58, icmp(135, victimLocal))],
  ["the MAC of another container", ether(broadcast, macOfAddress(victim), 0x88b5, Buffer.from("x"))],
  ["the MAC of the bridge", ether(broadcast, bridgeMac, 0x88b5, Buffer.from("x"))],
  ["the MAC of a container of another host", ether(broadcast, macOfAddress(absent), 0x88b5, Buffer.from("x"))],
  ["the MAC of another host's bridge", ether(broadcast, "aa:bb:cc:00:00:07", 0x88b5, Buffer.from("x"))],
  ["a router advertisement", ipv6(mac, ownLocal, allNodes, 58, icmp(134))],
  ["a redirect of ICMPv6", ipv6(mac, ownLocal, allNodes, 58, icmp(137))],
  ["a router advertisement of ICMP", ipv4(mac, own, "224.0.0.1", 1, icmp(9))],
  ["a redirect of ICMP", ipv4(mac, own, victim, 1, icmp(5))],
  ["an answer of a DHCP server", ipv4(mac, own, "255.255.255.255", 17, udp(67, 68))],
  ["an answer of a DHCP server from another port", ipv4(mac, own, "255.255.255.255", 17, udp(4000, 68))],
  ["an answer of a DHCPv6 server", ipv6(mac, ownLocal, allNodes, 17, udp(547, 546))],
  ["ARP as another container behind a priority tag", tagged(arp(mac, victim), 0)],
  ["ARP as another container behind a provider's priority tag", tagged(arp(mac, victim), 0, 0x88a8)],
];

/** What honest containers say, some of them odd. */
const honest: readonly (readonly [title: string, frame: Buffer, strict: boolean])[] = [
  ["ARP about itself", arp(mac, own), true],
  ["an ARP probe", arp(mac, "0.0.0.0", "10.32.0.77"), true],
  ["IPv4 from its address", ipv4(mac, own, victim, 17, udp(1, 2)), true],
  ["a DHCP client's question", ipv4(mac, "0.0.0.0", "255.255.255.255", 17, udp(68, 67)), true],
  ["IPv6 from its link-local address", ipv6(mac, ownLocal, victimLocal, 17, udp(1, 2)), true],
  ["a neighbour solicitation", ipv6(mac, ownLocal, allNodes, 58, icmp(135, victimLocal)), true],
  ["a neighbour advertisement about itself", ipv6(mac, ownLocal, allNodes, 58, icmp(136, ownLocal)), true],
  ["duplicate address detection about itself", ipv6(mac, "::", allNodes, 58, icmp(135, ownLocal)), true],
  ["a router solicitation", ipv6(mac, ownLocal, "ff02::2", 58, icmp(133)), true],
  ["a DHCPv6 client's question", ipv6(mac, ownLocal, "ff02::1:2", 17, udp(546, 547)), true],
  ["IPv4 of a network behind it", ipv4(mac, "192.168.7.7", victim, 17, udp(1, 2)), false],
  ["ARP about a floating address that nobody has", arp(mac, "10.32.0.66"), false],
  ["a virtual router's MAC", ether(broadcast, vrrp, 0x88b5, Buffer.from("x")), false],
  ["IPv6 from an address of its own choice", ipv6(mac, "2001:db8::7", allNodes, 17, udp(1, 2)), false],
  ["a frame of a VLAN", tagged(ipv4(mac, victim, own, 17, udp(1, 2)), 7), false],
];

describe.skipIf(!root)("anti-spoofing (needs root)", () => {
  let lab: Lab;
  let links: HostLinks;
  let wire: Wire;
  const firewall: FirewallSpec = {
    bridge: "weave",
    // Masquerading would rewrite some of the frames, where br_netfilter is on.
    exposures: [{ cidr: `${gateway}/24`, masquerade: false }],
    antiSpoofing: { reserved: { addresses: ["10.40.0.0/16", "192.0.2.7"], macs: ["aa:bb:cc:00:00:07"] } },
  };
  const attach = (more: Partial<AttachmentSpec> = {}) =>
    links.attach({ id: "one", target: { name: lab.netns("1") }, bridge: "weave", addresses: [`${own}/24`], ...more });

  beforeAll(async () => {
    lab = createLab(["h", "1", "2", "o"]);
    lab.wire(["h", "wan", "192.0.2.1/24"], ["o", "wan", "192.0.2.2/24"]);
    const hostNetns = lab.path("h");
    links = createHostLinks({ runner: createHostRunner({ netns: hostNetns }), hostNetns });
    await links.ensureBridge({ name: "weave", mac: bridgeMac, addresses: [`${gateway}/24`] });
    await attach();
    await links.attach({ id: "two", target: { name: lab.netns("2") }, bridge: "weave", addresses: [`${victim}/24`] });
    await links.setFirewall(firewall);
    const sentinel = ether(broadcast, mac, 0x88b6, Buffer.from("sentinel__"));
    wire = await openWire(lab, ["1", "ethwe"], ["2", "ethwe"], sentinel);
  });
  beforeEach(async () => {
    await attach();
    await links.check();
  });
  afterAll(async () => {
    await links?.close();
    lab?.end();
  });

  it.each(attacks)("drops %s, which would arrive without the rules", async (_, frame) => {
    expect(await wire.passes(frame)).toBe(false);
    within(lab.netns("h"), "nft", "delete", "table", "bridge", "weave");
    expect(await wire.passes(frame)).toBe(true);
    await links.check();
    expect(await wire.passes(frame)).toBe(false);
  });

  it.each(honest)("passes %s", async (_, frame) => {
    expect(await wire.passes(frame)).toBe(true);
  });

  it.each(honest)("in strict mode: %s", async (_, frame, strict) => {
    await attach({ antiSpoof: "strict" });
    expect(await wire.passes(frame)).toBe(strict);
  });

  it("in strict mode for all, drops what belongs to nobody", async () => {
    await links.setFirewall({ ...firewall, antiSpoofing: { mode: "strict" } });
    expect(await wire.passes(arp(mac, "10.32.0.66"))).toBe(false);
    expect(await wire.passes(ipv4(mac, own, victim, 17, udp(1, 2)))).toBe(true);
    await attach({ antiSpoof: "impersonation" });
    expect(await wire.passes(arp(mac, "10.32.0.66"))).toBe(true);
    await links.setFirewall(firewall);
  });

  it.each(["impersonation", "strict"] as const)(
    "in mode %s, lets a router use the sources it is allowed",
    async (antiSpoof) => {
      await attach({ antiSpoof, allowSources: ["192.168.7.0/24", `${victim}/32`, "2001:db8:7::/64"] });
      for (const frame of [
        ipv4(mac, "192.168.7.7", victim, 17, udp(1, 2)),
        arp(mac, victim),
        ipv6(mac, "2001:db8:7::9", allNodes, 17, udp(1, 2)),
        ipv6(mac, ownLocal, allNodes, 58, icmp(136, "2001:db8:7::9")),
      ])
        expect(await wire.passes(frame)).toBe(true);
      expect(await wire.passes(arp(mac, gateway))).toBe(false);
    },
  );

  it.each(["impersonation", "strict"] as const)(
    "in mode %s, lets a container serve DHCP that is allowed to",
    async (antiSpoof) => {
      await attach({ antiSpoof, allowDhcp: true });
      for (const frame of [
        ipv4(mac, own, "255.255.255.255", 17, udp(67, 68)),
        ipv6(mac, ownLocal, allNodes, 17, udp(547, 546)),
        ipv6(mac, ownLocal, allNodes, 58, icmp(134)),
      ])
        expect(await wire.passes(frame)).toBe(true);
      expect(await wire.passes(ipv6(mac, ownLocal, allNodes, 58, icmp(137)))).toBe(false);
    },
  );

  it("drops what comes from a tunnel as a container of this host, and passes the rest", async () => {
    // A port that stands for the overlay's device: its other end is another host.
    lab.wire(["h", "tunnel"], ["o", "tunnel"]);
    within(lab.netns("h"), "ip", "link", "set", "dev", "tunnel", "master", "weave");
    await links.setFirewall({ ...firewall, antiSpoofing: { ...firewall.antiSpoofing!, tunnels: ["tunnel"] } });
    const other = macOfAddress(absent);
    const sentinel = ether(broadcast, other, 0x88b6, Buffer.from("sentinel__"));
    const far = await openWire(lab, ["o", "tunnel"], ["2", "ethwe"], sentinel);
    const localMac = ether(broadcast, mac, 0x88b5, Buffer.from("x"));
    for (const frame of [
      arp(other, own),
      arp(other, gateway),
      ipv4(other, own, victim, 17, udp(1, 2)),
      ipv6(other, ownLocal, allNodes, 17, udp(1, 2)),
      ipv6(other, linkLocal(other), allNodes, 58, icmp(136, ownLocal)),
      localMac,
    ])
      expect(await far.passes(frame)).toBe(false);
    expect(await far.passes(arp(other, absent))).toBe(true);
    expect(await far.passes(ipv4(other, absent, victim, 17, udp(1, 2)))).toBe(true);
    await links.setFirewall(firewall);
  });

  it("checks the first frame of a new attachment", async () => {
    await links.detach({ id: "one", target: { name: lab.netns("1") } });
    const ports = () => within(lab.netns("h"), "nft", "list", "set", "bridge", "weave", "ports");
    const { port } = await attach();
    expect(ports()).toContain(port);
    await links.detach({ id: "one", target: { name: lab.netns("1") } });
    expect(ports()).not.toContain(port);
  });

  it("counts what it drops by reason, over replaced rules too", async () => {
    const sentinel = ether(broadcast, mac, 0x88b6, Buffer.from("sentinel__"));
    const fresh = await openWire(lab, ["1", "ethwe"], ["2", "ethwe"], sentinel);
    const before = (await links.firewallStatus()).drops.arp ?? 0;
    await fresh.passes(arp(mac, victim));
    await attach({ antiSpoof: "strict" });
    await fresh.passes(arp(mac, victim));
    const { drops, ports } = await links.firewallStatus();
    expect(drops.arp).toBe(before + 2);
    expect(ports.find(({ addresses }) => addresses.includes(`${own}/24`))).toMatchObject({ strict: true });
  });

  it("leaves real traffic between containers alone, IPv4 and IPv6", async () => {
    expect(await pings(lab.netns("1"), victim)).toBe(true);
    await until(
      "IPv6 addresses are usable",
      () => !run("ip", "-n", lab.netns("1"), "-6", "address").includes("tentative"),
    );
    await until("IPv6 between containers", () => pings(lab.netns("1"), `${victimLocal}%ethwe`, "-6"));
  });
});
