import { Cidr } from "@weaved/ip";
import { describe, expect, it } from "vitest";
import { addressesOf, clientNetworks, parseRoutes } from "../../src/services/dns-networks.ts";

const ROUTES = `Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0
eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
docker0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0
weave\t0000200A\t00000000\t0001\t0\t0\t0\t0000F0FF\t0\t0\t0
down0\t0000630A\t00000000\t0000\t0\t0\t0\t00FFFFFF\t0\t0\t0
`;

describe("parseRoutes", () => {
  it("lists the networks that devices are attached to, and no route by a gateway", () => {
    expect(parseRoutes(ROUTES).map(({ device, cidr }) => `${device} ${cidr}`)).toEqual([
      "eth0 192.0.2.0/24",
      "docker0 172.17.0.0/16",
      "weave 10.32.0.0/12",
    ]);
  });
});

describe("addressesOf", () => {
  it("finds the addresses of a device, and none of a device that is not there", () => {
    expect(addressesOf(["lo", "nothere0"])).toContain("127.0.0.1");
    expect(addressesOf(["nothere0"])).toEqual([]);
  });
});

describe("clientNetworks", () => {
  it("has the overlay and this host, and not the Internet", () => {
    const networks = clientNetworks([Cidr.parse("30.0.0.0/8")]);
    const has = (address: string): boolean => networks.some((network) => network.contains(address));
    expect(["30.1.2.3", "127.0.0.53", "127.0.0.1"].map(has)).toEqual([true, true, true]);
    expect(["8.8.8.8", "203.0.113.7"].map(has)).toEqual([false, false]);
  });
});
