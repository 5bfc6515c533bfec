import { describe, expect, it } from "vitest";
import { createHostLinks } from "../../src/node/host-links.ts";
import { createFakeHost } from "../../src/testing/fake-host.ts";

const netns = "/proc/self/ns/mnt"; // Any namespace file that is not the host's network will do.
const container = { id: "c1", target: { path: netns }, bridge: "weave", addresses: ["10.32.0.1/24"] };

function fakeLinks() {
  const host = createFakeHost();
  const runner = { ...host, follow: () => () => {} };
  return { host, links: createHostLinks({ runner }) };
}

describe("host links", () => {
  it("make a bridge and an attachment, then find nothing to do", async () => {
    const { host, links } = fakeLinks();
    const desired = { bridge: { name: "weave", mtu: 1376, addresses: ["10.32.0.254/24"] }, attachments: [container] };
    expect((await links.apply(desired)).length).toBeGreaterThan(8);
    expect(await links.apply(desired)).toEqual([]);
    const inner = host.links.find((link) => link.ifname === "ethwe");
    expect(inner).toMatchObject({
      mac: "0a:58:0a:20:00:01",
      mtu: 1376,
      up: true,
      addresses: ["10.32.0.1/24"],
      namespace: netns,
    });
    expect(host.sysctls.get(`${netns}:net.ipv6.conf.ethwe.accept_ra`)).toBe("0");
    expect(await links.list()).toMatchObject([{ id: "c1", bridge: "weave", up: true }]);
  });

  it("repair what drifted", async () => {
    const { host, links } = fakeLinks();
    await links.apply({ bridge: { name: "weave", addresses: ["10.32.0.254/24"] }, attachments: [container] });
    host.links.find((link) => link.ifname === "weave")!.addresses = [];
    host.removeNamespace(netns);
    expect((await links.check()).join("\n")).toContain("address add 10.32.0.254/24 dev weave");
    expect(await links.inspect({ path: netns })).toMatchObject({ addresses: ["10.32.0.1/24"] });
    expect(await links.check()).toEqual([]);
  });

  it("look at all attachments by one command, and mend the torn one only", async () => {
    const host = createFakeHost();
    const argvs: string[] = [];
    const run: typeof host.run = (command) => {
      argvs.push(command.argv.join(" "));
      return host.run(command);
    };
    const links = createHostLinks({ runner: { ...host, run, follow: () => () => {} } });
    await links.ensureBridge({ name: "weave" });
    for (let i = 0; i < 50; i++) await links.attach({ ...container, id: `c${i}`, ifname: `eth${i}`, addresses: [] });
    argvs.length = 0;
    expect(await links.check()).toEqual([]);
    expect(argvs.filter((argv) => argv.includes("veth"))).toHaveLength(1);
    const torn = (await links.list()).find(({ id }) => id === "c7");
    host.links.find(({ ifname }) => ifname === torn?.port)!.up = false;
    expect(await links.check()).toEqual([`ip link set dev ${torn?.port} up`]);
  });

  it("detach twice without complaint", async () => {
    const { links } = fakeLinks();
    await links.apply({ bridge: { name: "weave" }, attachments: [container] });
    expect(await links.detach(container)).toEqual(["10.32.0.1/24"]);
    expect(await links.detach(container)).toEqual([]);
    expect(await links.list()).toEqual([]);
  });

  it("leave nothing behind when an attachment fails half-way", async () => {
    const { host, links } = fakeLinks();
    await expect(links.attach(container)).rejects.toMatchObject({ code: "LINKS_COMMAND_FAILED" });
    expect(host.links).toEqual([]);
  });

  it("refuse the host's own namespace, and say so of a process that ended", async () => {
    const { links } = fakeLinks();
    await expect(links.attach({ ...container, target: { pid: process.pid } })).rejects.toMatchObject({
      code: "LINKS_HOST_NAMESPACE",
    });
    await expect(links.attach({ ...container, target: { pid: 2 ** 22 + 1 } })).rejects.toMatchObject({
      code: "LINKS_NO_NAMESPACE",
    });
  });
});
