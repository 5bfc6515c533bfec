import type { Network } from "@weaved/docker-proxy";
import { createHostLinks } from "@weaved/host-links/node";
import { createFakeHost } from "@weaved/host-links/testing";
import { describe, expect, it } from "vitest";
import type { IpamPort } from "../../src/http/ports.ts";
import { createDriver } from "../../src/plugin/driver.ts";
import { createIpamDriver } from "../../src/plugin/ipam.ts";
import { type Handlers, pluginApp } from "../../src/plugin/server.ts";

const quiet = { debug() {}, info() {}, warn() {}, error() {} };
const endpointId = "0123456789abcdef";

/** The driver as Docker calls it, on a host in memory. */
function makeDriver(networks: readonly Network[] = [], managed?: { multicast: boolean }) {
  const host = createFakeHost();
  const links = createHostLinks({ runner: { ...host, follow: () => () => {} } });
  const driver = createDriver({
    name: "weavemesh",
    scope: "local",
    managed,
    links,
    bridge: "weave",
    network: async (id) => networks.find((network) => network.id === id),
    logger: quiet,
  });
  return { call: caller(["NetworkDriver"], driver.handlers), host, links, driver };
}

function caller(kinds: readonly string[], handlers: Handlers) {
  const app = pluginApp(kinds, handlers, quiet);
  return async (method: string, body: unknown = {}) => {
    const answer = await app.request(`/${method}`, { method: "POST", body: JSON.stringify(body) });
    return { status: answer.status, ...((await answer.json()) as object) };
  };
}

const create = (options: object) => ({ NetworkID: "n", Options: { "com.docker.network.generic": options } });
const multicast = [{ Destination: "224.0.0.0/4", RouteType: 1 }];

describe("the network driver", () => {
  it.each([
    [{}, []],
    [{ "works.weave.multicast": "" }, multicast],
    [{ "works.weave.multicast": "true" }, multicast],
    [{ "works.weave.multicast": "0" }, []],
  ])("with options %j joins with routes %j", async (options, StaticRoutes) => {
    const { call } = makeDriver();
    await call("NetworkDriver.CreateNetwork", create(options));
    expect(await call("NetworkDriver.Join", { NetworkID: "n", EndpointID: endpointId })).toEqual({
      status: 200,
      InterfaceName: { SrcName: "vethwg012345678", DstPrefix: "ethwe" },
      StaticRoutes,
    });
  });

  it("refuses what it does not understand, in words that Docker shows", async () => {
    const { call } = makeDriver();
    expect(await call("NetworkDriver.CreateNetwork", create({ "works.weave.multicast": "maybe" }))).toEqual({
      status: 500,
      Err: "weave: invalid boolean: maybe",
    });
    expect(await call("NetworkDriver.Dance")).toEqual({ status: 404, Err: "NetworkDriver.Dance is not supported" });
    expect(await call("NetworkDriver.CreateEndpoint", { EndpointID: endpointId })).toMatchObject({ status: 500 });
  });

  it("makes a pair of interfaces, and says its MAC unless Docker brought one", async () => {
    const { call, host, links } = makeDriver();
    await links.ensureBridge({ name: "weave", mtu: 1376 });
    const made = await call("NetworkDriver.CreateEndpoint", {
      EndpointID: endpointId,
      Interface: { Address: "10.32.0.7/12" },
    });
    expect(made).toMatchObject({ Interface: { MacAddress: "0a:58:0a:20:00:07" } });
    const pair = () => host.links.filter(({ kind }) => kind === "veth");
    expect(pair()).toMatchObject([
      { ifname: "vethwl012345678", mtu: 1376, master: "weave", up: true },
      { ifname: "vethwg012345678", mtu: 1376, mac: "0a:58:0a:20:00:07" },
    ]);
    expect((await links.firewallStatus()).ports).toMatchObject([{ addresses: ["10.32.0.7/12"] }]);
    expect(await call("NetworkDriver.DeleteEndpoint", { NetworkID: "n", EndpointID: endpointId })).toEqual({
      status: 200,
    });
    expect(pair()).toEqual([]);
    const given = { Address: "10.32.0.7/12", MacAddress: "02:00:00:00:00:01" };
    expect(await call("NetworkDriver.CreateEndpoint", { EndpointID: endpointId, Interface: given })).toMatchObject({
      Interface: {},
    });
    expect(pair()[1]).toMatchObject({ mac: "02:00:00:00:00:01" });
  });

  it("asks Docker about networks it was told of before a restart", async () => {
    const base = { name: "x", options: { "works.weave.multicast": "true" }, gateway: "" };
    const { driver } = makeDriver([
      { ...base, id: "ours", driver: "weavemesh" },
      { ...base, id: "other", driver: "bridge" },
    ]);
    expect(await driver.network("ours")).toEqual({ isOurs: true, multicast: true });
    expect(await driver.network("other")).toEqual({ isOurs: false, multicast: false });
    await expect(driver.network("gone")).rejects.toThrow("Docker knows no network gone");
    expect(await makeDriver([], { multicast: true }).driver.network("any")).toEqual({ isOurs: true, multicast: true });
  });
});

describe("the address driver", () => {
  const held: string[] = [];
  const ipam = {
    defaultSubnet: { address: "10.32.0.0", prefixLength: 12 },
    allocate: async (_: string, subnet: { address: string }) => ({
      address: subnet.address.replace(/0$/, "9"),
      prefixLength: 25,
    }),
    claim: async (id: string, { address }: { address: string }) => void held.push(`${id} ${address}`),
    release: (address: string) => {
      if (address === "10.40.0.5") throw Object.assign(new Error("not held"), { code: "NOT_HELD" });
      held.push(`released ${address}`);
    },
  } as unknown as IpamPort;
  const call = caller(["NetworkDriver", "IpamDriver"], createIpamDriver(ipam));

  it("hands out the default subnet, a subnet, or a range of it, with a gateway that costs no address", async () => {
    expect(await call("IpamDriver.RequestPool", {})).toMatchObject({
      PoolID: "weave-10.32.0.0/12-10.32.0.0/12",
      Pool: "10.32.0.0/12",
      Data: { "com.docker.network.gateway": "10.32.0.0/12" },
    });
    const pool = await call("IpamDriver.RequestPool", { Pool: "10.40.0.0/16", SubPool: "10.40.1.0/25" });
    expect(pool).toMatchObject({ PoolID: "weave-10.40.0.0/16-10.40.1.0/25", Pool: "10.40.0.0/16" });
    expect(await call("IpamDriver.RequestPool", { Pool: "10.40.0.1/16" })).toMatchObject({ status: 500 });
    expect(await call("IpamDriver.RequestPool", { V6: true })).toMatchObject({ status: 500 });
  });

  it("hands out addresses with the subnet's length, claims those asked for, takes them back", async () => {
    const PoolID = "weave-10.40.0.0/16-10.40.1.0/25";
    expect(await call("IpamDriver.RequestAddress", { PoolID, Address: "" })).toMatchObject({ Address: "10.40.1.9/16" });
    expect(await call("IpamDriver.RequestAddress", { PoolID, Address: "10.40.2.2" })).toMatchObject({
      Address: "10.40.2.2/16",
    });
    expect(await call("IpamDriver.RequestAddress", { PoolID, Address: "10.40.0.0" })).toMatchObject({
      Address: "10.40.0.0/16",
    });
    for (const Address of ["10.40.1.9", "10.40.0.0", "10.40.0.5"])
      expect(await call("IpamDriver.ReleaseAddress", { PoolID, Address })).toEqual({ status: 200 });
    expect(held).toEqual(["_ 10.40.2.2", "released 10.40.1.9"]);
    expect(await call("IpamDriver.RequestAddress", { PoolID: "x" })).toMatchObject({
      status: 500,
      Err: 'weave: "x" is no pool of this driver',
    });
  });
});
