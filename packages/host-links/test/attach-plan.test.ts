import { describe, expect, it } from "vitest";
import { planAttach, planDetach, portName } from "../src/attach-plan.ts";
import type { ObservedLink } from "../src/observed.ts";
import { commandsOf, describeStep } from "../src/steps.ts";
import type { AttachmentSpec } from "../src/types.ts";

const netns = "/proc/7/ns/net";
const spec: AttachmentSpec = { id: "c1", target: { pid: 7 }, bridge: "weave", addresses: ["10.32.0.1/24"], mtu: 1376 };
const nothing = { port: undefined, inner: undefined, routes: [] };
const port: ObservedLink = {
  ifname: portName("c1"),
  mac: "02:00:00:00:00:02",
  mtu: 1376,
  up: true,
  master: "weave",
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

describe("a plan to attach", () => {
  it("is empty when all is in place", () => {
    expect(planAttach(inPlace, spec, netns)).toEqual([]);
  });
  it("adds the multicast route last, because programs that wait for the network look for it", () => {
    expect(text(planAttach(nothing, spec, netns)).at(-1)).toBe(`ip route add 224.0.0.0/4 dev ethwe (in ${netns})`);
  });
  it("names the host end as the kernel allows, stably, and differently for each owner", () => {
    const names = Array.from({ length: 2000 }, (_, index) => portName(`container-${index}`));
    expect(new Set(names).size).toBe(2000);
    expect(names.every((name) => /^vethwepl[0-9a-z]{7}$/.test(name))).toBe(true);
    expect(portName("a")).toBe(portName("a"));
    expect(portName("a", "ethwe1")).not.toBe(portName("a"));
  });
  it("adds what is missing and keeps what others added", () => {
    const steps = text(planAttach({ ...inPlace, inner: { ...inner, addresses: ["10.32.0.9/24"] } }, spec, netns));
    expect(steps).toContain(`ip address add 10.32.0.1/24 dev ethwe (in ${netns})`);
    expect(steps.join()).not.toContain("delete");
    expect(steps.slice(-2)).toEqual([
      `wait until ${port.ifname} forwards`,
      `ip link set dev ethwe address ${inner.mac} (in ${netns})`,
    ]);
  });
  it("removes unlisted addresses only when told to be exact, and gives their MAC back", () => {
    const actual = { ...inPlace, inner: { ...inner, addresses: ["10.32.0.1/24", "10.32.0.2/24"] } };
    const steps = text(planAttach(actual, { ...spec, addresses: ["10.32.0.2/24"], exact: true }, netns));
    expect(steps).toContain(`ip address delete 10.32.0.1/24 dev ethwe (in ${netns})`);
    expect(steps).toContain(`ip link set dev ethwe address 0a:58:0a:20:00:02 (in ${netns})`);
  });
  it("starts over when one end is left from an attempt that was cut off", () => {
    const steps = text(planAttach({ ...nothing, inner }, spec, netns));
    expect(steps[0]).toBe(`ip link delete dev ethwe (in ${netns})`);
    expect(steps[1]).toContain("ip link add");
  });
  it("plugs a stray port back in without touching the container", () => {
    const { master: _, ...unplugged } = port;
    expect(text(planAttach({ ...inPlace, port: unplugged }, spec, netns))).toEqual([
      `ip link set dev ${port.ifname} master weave`,
    ]);
  });
  it.each([
    [{ addresses: ["10.1.1.1"] }, "expected a.b.c.d/n"],
    [{ ifname: "eth we" }, "no interface name"],
    [{ id: "x\nlink delete dev eth0" }, "is no id"],
    [{ routes: [{ to: "10.0.0.0/8; reboot" }] }, "expected a.b.c.d/n"],
  ])("refuses %j", (change, message) => {
    expect(() => planAttach(nothing, { ...spec, ...change }, netns)).toThrow(message);
  });
});

describe("a plan to detach", () => {
  it("takes the interface away with the last address", () => {
    expect(text(planDetach(inPlace, { id: "c1", addresses: ["10.32.0.1/24"] }, netns))).toEqual([
      `ip link delete dev ethwe (in ${netns})`,
    ]);
  });
  it("keeps the others, and gives the MAC of the first back with it", () => {
    const actual = { ...inPlace, inner: { ...inner, addresses: ["10.32.0.1/24", "10.33.0.2/24"] } };
    expect(text(planDetach(actual, { id: "c1", addresses: ["10.32.0.1/24"] }, netns))).toEqual([
      `ip address delete 10.32.0.1/24 dev ethwe (in ${netns})`,
      `ip link set dev ethwe address 0a:58:0a:21:00:02 (in ${netns})`,
      `nft -f - (in ${netns})`,
    ]);
  });
  it("has nothing to do when nothing is attached", () => {
    expect(planDetach(nothing, { id: "c1" }, netns)).toEqual([]);
  });
});

describe("commands of a plan", () => {
  it("share one batch per namespace in a row; what does not depend on each other runs at once", () => {
    const plan = planAttach(nothing, { ...spec, multicastRoute: false, txChecksum: false }, netns);
    const commands = commandsOf(plan.filter((step) => step.do !== "await-forwarding"));
    const words = commands.map((group) => group.map(({ argv, netns: place }) => `${argv[0]}${place ? "*" : ""}`));
    expect(words).toEqual([["ip"], ["sysctl", "sysctl*", "ethtool*", "nft*"], ["ip*"]]);
    expect(commands[0]?.[0]?.stdin).toContain(`alias weave:c1\n`);
  });
});
