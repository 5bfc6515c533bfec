import { describe, expect, it } from "vitest";
import { planAttach } from "../../src/links/attach-plan.ts";
import { planDetach } from "../../src/links/detach-plan.ts";
import type { ObservedLink } from "../../src/links/observed.ts";
import { portName } from "../../src/links/port-names.ts";
import { commandsOf, describeStep } from "../../src/steps.ts";
import type { AttachmentSpec } from "../../src/types.ts";

const netns = "/proc/7/ns/net";
const place = { netns };
const spec: AttachmentSpec = { id: "c1", target: { pid: 7 }, bridge: "weave", addresses: ["10.32.0.1/24"], mtu: 1376 };
const nothing = { port: undefined, inner: undefined, routes: [] };
const port: ObservedLink = {
  ifname: portName("c1"),
  mac: "02:00:00:00:00:02",
  mtu: 1376,
  up: true,
  master: "weave",
  alias: "weave:c1",
  addresses: [],
};
const inner: ObservedLink = {
  ifname: "ethwe",
  mac: "0a:58:0a:20:00:01",
  mtu: 1376,
  up: true,
  addresses: ["10.32.0.1/24"],
};
const inPlace = { port, inner, routes: [{ to: "224.0.0.0/4", dev: "ethwe" }] };
const text = (steps: ReturnType<typeof planAttach>) => steps.map((step) => describeStep(step).split("\n")[0]!);

describe("planAttach", () => {
  it("is empty when all is in place", () => {
    expect(planAttach(inPlace, spec, place)).toEqual([]);
  });
  it("adds the multicast route last, because programs that wait for the network look for it", () => {
    expect(text(planAttach(nothing, spec, place)).at(-1)).toBe(`ip route add 224.0.0.0/4 dev ethwe (in ${netns})`);
  });
  it("names the host end as the kernel allows, stably, and differently for each owner", () => {
    const names = Array.from({ length: 2000 }, (_, index) => portName(`container-${index}`));
    expect(new Set(names).size).toBe(2000);
    expect(names.every((name) => /^vethwepl[0-9a-z]{7}$/.test(name))).toBe(true);
    expect(portName("a")).toBe(portName("a"));
    expect(portName("a", "ethwe1")).not.toBe(portName("a"));
  });
  it("adds what is missing and keeps what others added", () => {
    const steps = text(planAttach({ ...inPlace, inner: { ...inner, addresses: ["10.32.0.9/24"] } }, spec, place));
    expect(steps).toContain(`ip address add 10.32.0.1/24 dev ethwe (in ${netns})`);
    expect(steps.join()).not.toContain("delete");
    expect(steps.slice(-2)).toEqual([
      `wait until ${port.ifname} forwards`,
      `ip link set dev ethwe address ${inner.mac} (in ${netns})`,
    ]);
  });
  it("removes unlisted addresses only when told to be exact, and gives their MAC back", () => {
    const actual = { ...inPlace, inner: { ...inner, addresses: ["10.32.0.1/24", "10.32.0.2/24"] } };
    const steps = text(planAttach(actual, { ...spec, addresses: ["10.32.0.2/24"], exact: true }, place));
    expect(steps).toContain(`ip address delete 10.32.0.1/24 dev ethwe (in ${netns})`);
    expect(steps).toContain(`ip link set dev ethwe address 0a:58:0a:20:00:02 (in ${netns})`);
  });
  it("starts over when an attempt was cut off before it could sign", () => {
    const { alias: _, ...nameless } = port;
    const steps = text(planAttach({ ...inPlace, port: nameless }, spec, place));
    expect(steps[0]).toBe(`ip link delete dev ${port.ifname}`);
    expect(steps[1]).toContain("ip link add");
  });
  it("replaces the interface of Weave Net, whose ports have no alias", () => {
    const { alias: _, ...nameless } = { ...port, ifname: "vethwepl1234" };
    const steps = text(planAttach({ ...nothing, inner, peer: nameless }, spec, place));
    expect(steps[0]).toBe("ip link delete dev vethwepl1234");
    expect(steps[1]).toContain(`ip link add ${port.ifname}`);
  });
  it.each([
    ["whose other end is not on this host", undefined],
    ["whose other end has another program's alias", { ...port, alias: "other:c1" }],
    ["whose other end has another program's name", { ...port, ifname: "veth12", alias: undefined as never }],
  ])("refuses to touch an interface of that name %s", (_, peer) => {
    expect(() => planAttach({ ...nothing, inner, peer }, spec, place)).toThrow("belongs to another program");
  });
  it("adds its address to the interface of another container in the same namespace", () => {
    const second = { ...spec, id: "c2", addresses: ["10.32.0.2/24"] };
    const steps = text(planAttach({ ...nothing, inner, peer: port, routes: inPlace.routes }, second, place));
    expect(steps).toContain(`ip address add 10.32.0.2/24 dev ethwe (in ${netns})`);
    expect(steps.join()).not.toMatch(/delete|link add|alias/);
  });
  it("plugs a stray port back in without touching the container", () => {
    const { master: _, ...unplugged } = port;
    expect(text(planAttach({ ...inPlace, port: unplugged }, spec, place))).toEqual([
      `ip link set dev ${port.ifname} master weave`,
    ]);
  });
  it.each([
    [{ addresses: ["10.1.1.1"] }, "not a valid"],
    [{ ifname: "eth we" }, "not a valid interface name"],
    [{ id: "x\nlink delete dev eth0" }, "is not a valid id"],
    [{ routes: [{ to: "10.0.0.0/8; reboot" }] }, "not a valid"],
  ])("refuses %j", (change, message) => {
    expect(() => planAttach(nothing, { ...spec, ...change }, place)).toThrow(message);
  });
});

describe("planDetach", () => {
  it("takes the interface away with the last address", () => {
    expect(text(planDetach(inPlace, { addresses: ["10.32.0.1/24"] }, place))).toEqual([
      `ip link delete dev ${port.ifname}`,
      `nft -f - (in ${netns})`,
    ]);
  });
  it("keeps the others, and gives the MAC of the first back with it", () => {
    const actual = { ...inPlace, inner: { ...inner, addresses: ["10.32.0.1/24", "10.33.0.2/24"] } };
    expect(text(planDetach(actual, { addresses: ["10.32.0.1/24"] }, place))).toEqual([
      `sysctl net.ipv4.conf.ethwe.promote_secondaries=1 (in ${netns})`,
      `ip address delete 10.32.0.1/24 dev ethwe (in ${netns})`,
      `ip link set dev ethwe address 0a:58:0a:21:00:02 (in ${netns})`,
      `nft -f - (in ${netns})`,
    ]);
  });
  it("hands the interface over to the attachment that stays", () => {
    const actual = { ...inPlace, inner: { ...inner, addresses: ["10.32.0.1/24", "10.33.0.2/24"] } };
    const steps = text(planDetach(actual, { addresses: ["10.32.0.1/24"], heir: "c2" }, place));
    expect(steps.at(-1)).toBe(`ip link set dev ${port.ifname} alias weave:c2`);
  });
  it("has nothing to do when nothing is attached", () => {
    expect(planDetach(nothing, {}, place)).toEqual([]);
  });
});

describe("commandsOf", () => {
  it("share one batch per namespace in a row; what does not depend on each other runs at once", () => {
    const plan = planAttach(nothing, { ...spec, multicastRoute: false, txChecksum: false }, place);
    const commands = commandsOf(plan.filter((step) => step.do !== "await-forwarding"));
    const words = commands.map((group) => group.map(({ argv, netns: place }) => `${argv[0]}${place ? "*" : ""}`));
    expect(words).toEqual([["ip"], ["sysctl", "sysctl*", "ethtool*", "nft*"], ["ip*"]]);
    expect(commands[0]?.[0]?.stdin).toContain(`alias weave:c1\n`);
  });
});
