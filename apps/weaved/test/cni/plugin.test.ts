import { describe, expect, it } from "vitest";
import type { Client } from "../../src/client/client.ts";
import { type CniCall, runCni } from "../../src/cni/plugin.ts";
import { WeavedError } from "../../src/values/error.ts";

const netns = "/run/netns/blue";
const env = { CNI_CONTAINERID: "c1", CNI_NETNS: netns, CNI_IFNAME: "eth0" };
const conf = (more: object = {}) => JSON.stringify({ cniVersion: "1.0.0", name: "net", type: "weave-net", ...more });

/** A daemon that attaches everything at 10.32.0.5/12 and writes down what it was asked. */
function daemon(attached: readonly string[] = []) {
  const asked: unknown[][] = [];
  const ids = [...attached];
  const send: Client["send"] = async (method, path, { json, form } = {}) => {
    asked.push([method, path, json ?? form]);
    if (path === "/v1/exposures") return { status: 200, body: '["10.32.0.1/12"]' };
    if (method === "POST") ids.push((json as { id: string }).id);
    const rows = ids.map((id) => ({ id, mac: "0a:58:0a:20:00:05", addresses: ["10.32.0.5/12"] }));
    return { status: 200, body: JSON.stringify(method === "POST" ? ["10.32.0.5/12"] : rows) };
  };
  return { asked, client: () => ({ send }) as Client };
}

const call = (command: string, stdin: string, more: Partial<CniCall> = {}): Promise<string> =>
  runCni({
    env: { ...env, CNI_COMMAND: command },
    stdin,
    client: daemon().client,
    delegate: () => Promise.reject(new Error("nobody to delegate to")),
    inspect: async () => ["10.32.0.5/12"],
    ...more,
  });

describe("CNI ADD", () => {
  it("attaches with a default route through the bridge, and hairpin", async () => {
    const { asked, client } = daemon();
    expect(JSON.parse(await call("ADD", conf(), { client }))).toEqual({
      cniVersion: "1.0.0",
      interfaces: [{ name: "eth0", mac: "0a:58:0a:20:00:05", sandbox: netns }],
      ips: [{ address: "10.32.0.5/12", gateway: "10.32.0.1", interface: 0 }],
      routes: [{ dst: "0.0.0.0/0", gw: "10.32.0.1" }],
      dns: {},
    });
    expect(asked[1]?.[2]).toEqual({
      id: "c1",
      ifname: "eth0",
      container: `path:${netns}`,
      addresses: ["net:default"],
      dns: false,
      multicastRoute: false,
      hairpin: true,
      routes: [{ to: "default", via: "10.32.0.1" }],
    });
  });

  it("takes subnet, gateway, routes, hairpin from the configuration, and leaves the bridge alone then", async () => {
    const { asked, client } = daemon();
    const ipam = {
      subnet: "10.40.0.0/16",
      gateway: "10.40.0.1",
      routes: [{ dst: "10.0.0.0/8" }, { dst: "0.0.0.0/0", gw: "10.40.0.2" }],
    };
    await call("ADD", conf({ ipam, hairpinMode: false }), { client });
    expect(asked[0]).toMatchObject(["POST", "/v1/attachments", { addresses: ["net:10.40.0.0/16"], hairpin: false }]);
    expect(asked[0]?.[2]).toMatchObject({
      routes: [
        { to: "10.0.0.0/8", via: "10.40.0.1" },
        { to: "default", via: "10.40.0.2" },
      ],
    });
  });

  it("files a second interface under a name of its own", async () => {
    const { asked, client } = daemon();
    await call("ADD", conf(), { client, env: { ...env, CNI_COMMAND: "ADD", CNI_IFNAME: "net1" } });
    expect(asked[1]?.[2]).toMatchObject({ id: "c1.net1", ifname: "net1" });
  });

  it("writes results as older versions want them", async () => {
    expect(JSON.parse(await call("ADD", conf({ cniVersion: "0.2.0" })))).toMatchObject({
      ip4: { ip: "10.32.0.5/12", gateway: "10.32.0.1" },
    });
    expect(JSON.parse(await call("ADD", conf({ cniVersion: "0.4.0" }))).ips).toEqual([
      { version: "4", address: "10.32.0.5/12", gateway: "10.32.0.1", interface: 0 },
    ]);
  });

  it("takes the address from another plugin if told, and gives it back when attaching fails", async () => {
    const commands: string[] = [];
    const delegate = async (type: string, command: string) => {
      commands.push(`${type} ${command}`);
      return '{"cniVersion":"1.0.0","ips":[{"address":"10.50.0.9/16","gateway":"10.50.0.1"}]}';
    };
    const { asked, client } = daemon();
    await call("ADD", conf({ ipam: { type: "host-local" } }), { client, delegate });
    expect(asked[0]?.[2]).toMatchObject({
      addresses: ["ip:10.50.0.9/16"],
      routes: [{ to: "default", via: "10.50.0.1" }],
    });
    const broken = () => ({ send: async () => ({ status: 400, body: "no such namespace\n" }) }) as unknown as Client;
    await expect(
      call("ADD", conf({ ipam: { type: "host-local" } }), { client: broken, delegate }),
    ).rejects.toMatchObject({ code: 100, message: "no such namespace" });
    expect(commands).toEqual(["host-local ADD", "host-local ADD", "host-local DEL"]);
  });
});

describe("CNI DEL, CHECK, VERSION", () => {
  it("DEL succeeds when nothing is left, also without a namespace", async () => {
    const { asked, client } = daemon();
    expect(await call("DEL", conf(), { client, env: { ...env, CNI_NETNS: "", CNI_COMMAND: "DEL" } })).toBe("");
    expect(asked.map(([method]) => method)).toEqual(["GET"]);
    const full = daemon(["c1"]);
    await call("DEL", conf(), { client: full.client });
    expect(full.asked.at(-1)).toEqual(["DELETE", "/v1/attachments", [["container", "c1"]]]);
  });

  it("CHECK compares what should be, what is kept, and what is there", async () => {
    const { client } = daemon(["c1"]);
    const prevResult = { ips: [{ address: "10.32.0.5/12" }] };
    expect(await call("CHECK", conf({ prevResult }), { client })).toBe("");
    await expect(call("CHECK", conf({ prevResult }))).rejects.toMatchObject({ code: 3 });
    await expect(call("CHECK", conf(), { client, inspect: async () => undefined })).rejects.toMatchObject({
      code: 101,
    });
    await expect(call("CHECK", conf(), { client, inspect: async () => ["10.9.9.9/12"] })).rejects.toThrow(
      "eth0 lacks 10.32.0.5/12",
    );
  });

  it("VERSION lists what is spoken", async () => {
    expect(JSON.parse(await call("VERSION", '{"cniVersion":"0.4.0"}'))).toMatchObject({ cniVersion: "0.4.0" });
    expect(JSON.parse(await call("VERSION", "")).supportedVersions).toContain("1.0.0");
  });

  it.each([
    ["ADD", "{", {}, 6],
    ["ADD", conf({ cniVersion: "9.0.0" }), {}, 1],
    ["ADD", conf({ isGateway: true }), {}, 7],
    ["ADD", conf({ ipam: "x" }), {}, 7],
    ["ADD", conf(), { CNI_NETNS: "" }, 4],
    ["ADD", conf(), { CNI_CONTAINERID: "../x" }, 4],
    ["DANCE", conf(), {}, 4],
  ])("%s with %s is refused with a code", async (command, stdin, change, code) => {
    await expect(call(command, stdin, { env: { ...env, ...change, CNI_COMMAND: command } })).rejects.toMatchObject({
      code,
    });
  });

  it("says to try again while the daemon does not answer", async () => {
    const client = () =>
      ({ send: () => Promise.reject(new WeavedError("DAEMON_UNREACHABLE", "does not answer")) }) as unknown as Client;
    await expect(call("ADD", conf(), { client })).rejects.toMatchObject({ code: 11 });
  });
});
