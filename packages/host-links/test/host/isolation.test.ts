import { Ip } from "@weaved/ip";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { linkLocalOf, macOfAddress, parseMac } from "../../src/address.ts";
import { createHostLinks, createHostRunner, type HostLinks } from "../../src/node/index.ts";
import type { FirewallSpec } from "../../src/types.ts";
import { createLab, type Lab, pings, root, until, within } from "../support/lab.ts";

/**
 * The host `h` with a bridge `weave` and, beside it, an engine's bridge `docker0`:
 *
 *   1 10.32.0.1 ─┐                ┌─ d 172.17.0.2
 *   2 10.32.0.2 ─┼─ weave  docker0┘
 *   3 10.33.0.3 ─┘     h 192.0.2.1 ── wan ── 192.0.2.2 o (a neighbour host)
 */
const bridgeMac = "7a:9f:eb:b6:0c:6e";
const linkLocal = (mac: string) => Ip.fromBits(6, linkLocalOf(parseMac(mac))).toString();
const [gateway, gateway3, docker] = ["10.32.0.254", "10.33.0.254", "172.17.0.1"];

describe.skipIf(!root)("isolation (needs root)", () => {
  let lab: Lab;
  let links: HostLinks;
  const firewall: FirewallSpec = {
    bridge: "weave",
    exposures: [gateway, gateway3].map((address) => ({ cidr: `${address}/24`, masquerade: true })),
    engineBridges: ["docker0"],
    guardedPorts: [6783],
    loopbackPorts: [6784],
    dnsPort: 53,
  };
  const host = (...argv: string[]) => within(lab.netns("h"), ...argv);
  const inside = (name: string, ...argv: string[]) => within(lab.netns(name), ...argv);
  const withRules = async (spec: FirewallSpec) => {
    await links.setFirewall(spec);
  };
  const withoutRules = () => links.clearFirewall();

  beforeAll(async () => {
    lab = createLab(["h", "1", "2", "3", "d", "o"]);
    lab.wire(["h", "wan", "192.0.2.1/24"], ["o", "wan", "192.0.2.2/24"]);
    lab.wire(["h", "dport"], ["d", "eth0", "172.17.0.2/16"]);
    host("ip", "link", "add", "docker0", "type", "bridge");
    host("ip", "address", "add", `${docker}/16`, "dev", "docker0");
    host("ip", "link", "set", "docker0", "up");
    host("ip", "link", "set", "dport", "master", "docker0");
    host("sysctl", "-qw", "net.ipv4.ip_forward=1");
    inside("d", "ip", "route", "add", "default", "via", docker);
    for (const subnet of ["10.32.0.0/16", "10.33.0.0/16", "172.17.0.0/16"])
      inside("o", "ip", "route", "add", subnet, "via", "192.0.2.1");
    const hostNetns = lab.path("h");
    links = createHostLinks({ runner: createHostRunner({ netns: hostNetns }), hostNetns });
    const addresses = [gateway, gateway3].map((address) => `${address}/24`);
    await links.ensureBridge({ name: "weave", mac: bridgeMac, addresses });
    for (const [name, cidr, via] of [
      ["1", "10.32.0.1/24", gateway],
      ["2", "10.32.0.2/24", gateway],
      ["3", "10.33.0.3/24", gateway3],
    ] as const) {
      const routes = [{ to: "default", via }];
      await links.attach({ id: name, target: { name: lab.netns(name) }, bridge: "weave", addresses: [cidr], routes });
    }
    for (const port of [6783, 7777, 53]) lab.serve("h", port, `host${port}`);
    lab.serve("h", 6784, "control", "127.0.0.1");
    for (const name of ["1", "3", "d", "o"]) lab.serve(name, 80, name);
    await until("servers listen", async () => (await lab.ask("o", "192.0.2.1", 53)) === "host53");
  });
  afterAll(async () => {
    await links?.close();
    lab?.end();
  });

  it.each([
    ["1", gateway],
    ["1", "192.0.2.1"],
    ["d", docker],
    ["d", "192.0.2.1"],
  ])("keeps container %s from a guarded port at %s, and from no other port", async (name, address) => {
    await withoutRules();
    expect(await lab.ask(name, address, 6783)).toBe("host6783");
    await withRules(firewall);
    expect(await lab.ask(name, address, 6783)).toBe("");
    expect(await lab.ask(name, address, 7777)).toBe("host7777");
  });

  it("lets neighbour hosts and host processes reach a guarded port", async () => {
    await withRules(firewall);
    expect(await lab.ask("o", "192.0.2.1", 6783)).toBe("host6783");
    expect(await lab.ask("h", "127.0.0.1", 6783)).toBe("host6783");
    expect(await lab.ask("h", gateway, 6783)).toBe("host6783");
  });

  it.each([
    ["a container", "1", "ethwe", gateway],
    ["a container of the engine", "d", "eth0", docker],
    ["a neighbour host", "o", "wan", "192.0.2.1"],
  ])("keeps %s from a loopback port although route_localnet is set", async (_, name, ifname, via) => {
    for (const device of ["all", "weave", "docker0", "wan"])
      host("sysctl", "-qw", `net.ipv4.conf.${device}.route_localnet=1`);
    inside(name, "sysctl", "-qw", `net.ipv4.conf.${ifname}.route_localnet=1`);
    inside(name, "ip", "address", "flush", "dev", "lo");
    inside(
      name,
      "ip",
      "route",
      "add",
      "127.0.0.1",
      "via",
      via,
      "dev",
      ifname,
      "src",
      via === docker ? "172.17.0.2" : via === gateway ? "10.32.0.1" : "192.0.2.2",
    );
    await withoutRules();
    expect(await lab.ask(name, "127.0.0.1", 6784)).toBe("control");
    await withRules(firewall);
    expect(await lab.ask(name, "127.0.0.1", 6784)).toBe("");
    expect(await lab.ask("h", "127.0.0.1", 6784)).toBe("control");
  });

  it("keeps containers of the engine from exposed containers, and lets neighbours and the host in", async () => {
    await withoutRules();
    expect(await lab.ask("d", "10.32.0.1", 80)).toBe("1");
    await withRules(firewall);
    expect(await lab.ask("d", "10.32.0.1", 80)).toBe("");
    expect(await lab.ask("o", "10.32.0.1", 80)).toBe("1");
    expect(await lab.ask("h", "10.32.0.1", 80)).toBe("1");
  });

  it("lets containers reach the published ports of the engine's containers only", async () => {
    await withRules(firewall);
    expect(await lab.ask("1", "172.17.0.2", 80)).toBe("");
    expect(await lab.ask("1", "192.0.2.2", 80)).toBe("o");
    const publish = ["PREROUTING", "-p", "tcp", "--dport", "8080", "-j", "DNAT", "--to", "172.17.0.2:80"];
    host("iptables", "-t", "nat", "-A", ...publish);
    expect(await lab.ask("1", gateway, 8080)).toBe("d");
    host("iptables", "-t", "nat", "-D", ...publish);
  });

  it("keeps exposed subnets apart, where the host would route between them", async () => {
    await withoutRules();
    expect(await lab.ask("1", "10.33.0.3", 80)).toBe("3");
    await withRules(firewall);
    expect(await lab.ask("1", "10.33.0.3", 80)).toBe("");
    expect(await lab.ask("3", "10.32.0.1", 80)).toBe("");
    expect(await lab.ask("1", gateway3, 7777)).toBe("host7777");
  });

  it("keeps the source address of traffic to the subnets that ask for it", async () => {
    lab.start("1", "busybox", "nc", "-ll", "-p", "81", "-e", "busybox", "netstat", "-tn");
    await until("the server listens", async () => (await lab.ask("1", "10.32.0.1", 81)) !== "");
    const sources = async () => (await lab.ask("o", "10.32.0.1", 81)).replaceAll(/\s+/g, " ");
    await withRules(firewall);
    expect(await sources()).toMatch(/10\.32\.0\.1:81 (?:::ffff:)?10\.32\.0\.254:\d+ ESTABLISHED/);
    await withRules({ ...firewall, keepSource: ["10.32.0.0/24"] });
    expect(await sources()).toMatch(/10\.32\.0\.1:81 (?:::ffff:)?192\.0\.2\.2:\d+ ESTABLISHED/);
  });

  describe("of a host that exposes nothing", () => {
    const unexposed: FirewallSpec = { ...firewall, exposures: [] };
    const overIpv6 = () => pings(lab.netns("1"), `${linkLocal(bridgeMac)}%ethwe`, "-6");
    beforeAll(async () => {
      await links.removeBridgeAddresses(
        "weave",
        [gateway, gateway3].map((address) => `${address}/24`),
      );
      for (const [name, subnet] of [["1", "10.32.0.0/24"]] as const) {
        inside(name, "ip", "route", "replace", "192.0.2.1", "dev", "ethwe");
        host("ip", "route", "replace", subnet, "dev", "weave");
      }
    });

    it("keeps containers from its link-local address, while IPv6 between containers goes on", async () => {
      await withoutRules();
      await until("IPv6 works", overIpv6);
      await withRules(unexposed);
      expect(await overIpv6()).toBe(false);
      const neighbour = linkLocal(macOfAddress("10.32.0.2/24"));
      expect(await pings(lab.netns("1"), `${neighbour}%ethwe`, "-6")).toBe(true);
      await withRules(firewall);
      expect(await overIpv6()).toBe(true);
    });

    it("keeps containers from its other addresses and from the outside", async () => {
      inside("1", "ip", "route", "replace", "192.0.2.2", "via", "192.0.2.1", "dev", "ethwe", "onlink");
      await withoutRules();
      expect(await lab.ask("1", "192.0.2.1", 7777)).toBe("host7777");
      expect(await lab.ask("1", "192.0.2.2", 80)).toBe("o");
      await withRules(unexposed);
      expect(await lab.ask("1", "192.0.2.1", 7777)).toBe("");
      expect(await lab.ask("1", "192.0.2.2", 80)).toBe("");
      expect((await links.firewallStatus()).drops.unexposed).toBeGreaterThan(0);
      expect(await pings(lab.netns("1"), "10.32.0.2")).toBe(true);
    });

    it("leaves an address reachable that an operator put on the bridge by hand", async () => {
      await withRules(unexposed);
      host("ip", "address", "add", "10.32.0.250/24", "dev", "weave");
      expect(await lab.ask("1", "10.32.0.250", 7777)).toBe("host7777");
      host("ip", "address", "delete", "10.32.0.250/24", "dev", "weave");
    });
  });

  describe("under INPUT and FORWARD policies that drop", () => {
    const drop = () => {
      for (const tool of ["iptables", "ip6tables"]) {
        host(tool, "-P", "FORWARD", "DROP");
        host(tool, "-P", "INPUT", "DROP");
        host(tool, "-A", "INPUT", "-i", "lo", "-j", "ACCEPT");
        host(tool, "-A", "INPUT", "-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED", "-j", "ACCEPT");
      }
    };
    beforeAll(async () => {
      const addresses = [gateway, gateway3].map((address) => `${address}/24`);
      await links.ensureBridge({ name: "weave", mac: bridgeMac, addresses });
      inside("1", "ip", "route", "delete", "192.0.2.1", "dev", "ethwe");
      inside("1", "ip", "route", "flush", "192.0.2.2");
      // As Docker leaves it.
      host("iptables", "-N", "DOCKER-USER");
      host("iptables", "-A", "FORWARD", "-j", "DOCKER-USER");
      drop();
    });

    it("lets containers ask the name server, and only them", async () => {
      await withoutRules();
      expect(await lab.ask("1", gateway, 53)).toBe("");
      await withRules(firewall);
      expect(await lab.ask("1", gateway, 53)).toBe("host53");
      expect(await lab.ask("d", docker, 53)).toBe("host53");
      expect(await lab.ask("o", "192.0.2.1", 53)).toBe("");
      expect(await lab.ask("1", gateway, 7777)).toBe("");
    });

    it("forwards for exposed containers, and bridges IPv4 and IPv6", async () => {
      await withRules(firewall);
      expect(await lab.ask("o", "10.32.0.1", 80)).toBe("1");
      expect(await lab.ask("1", "192.0.2.2", 80)).toBe("o");
      expect(await pings(lab.netns("1"), "10.32.0.2")).toBe(true);
      expect(await pings(lab.netns("1"), `${linkLocal(macOfAddress("10.32.0.2/24"))}%ethwe`, "-6")).toBe(true);
      expect(await lab.ask("d", "10.32.0.1", 80)).toBe("");
      expect(await lab.ask("1", gateway, 6783)).toBe("");
    });

    it("forwards again after iptables was flushed", async () => {
      await withRules(firewall);
      host("iptables", "-F");
      expect(await lab.ask("o", "10.32.0.1", 80)).toBe("");
      expect(await links.check()).toEqual(["firewall rules restored"]);
      expect(await lab.ask("o", "10.32.0.1", 80)).toBe("1");
      expect(await lab.ask("1", "192.0.2.2", 80)).toBe("o");
    });

    it("forwards again after another program put a rule that drops everything before ours", async () => {
      drop();
      await withRules(firewall);
      host("iptables", "-I", "FORWARD", "-j", "DROP");
      expect(await lab.ask("o", "10.32.0.1", 80)).toBe("");
      expect(await links.check()).toEqual(["firewall rules restored"]);
      expect(await lab.ask("o", "10.32.0.1", 80)).toBe("1");
      expect(await links.check()).toEqual([]);
    });

    it("leaves nothing of ours behind", async () => {
      await withRules(firewall);
      await links.clearFirewall();
      for (const tool of ["iptables", "ip6tables"]) expect(host(tool, "-S")).not.toContain("WEAVE");
      expect(host("nft", "list", "tables")).not.toContain("table inet weave");
    });
  });
});
