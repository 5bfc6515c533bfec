import { describe, expect, it } from "vitest";
import { createClientCheck, createRefusalLimiter, NetworkSet, PRIVATE_NETWORKS } from "../src/clients.ts";
import { ip } from "./support/cluster.ts";

const client = (text: string): number | string => (text.includes(":") ? text : ip(text));

describe("NetworkSet", () => {
  const networks = new NetworkSet(PRIVATE_NETWORKS);

  it.each([
    "127.0.0.53",
    "10.1.2.3",
    "172.31.0.1",
    "192.168.1.1",
    "169.254.1.1",
    "100.64.0.1",
    "::1",
    "fd00::1",
    "fe80::1%eth0",
    "::ffff:10.0.0.1",
  ])("has %s among the private networks", (text) => expect(networks.has(client(text))).toBe(true));

  it.each(["8.8.8.8", "172.32.0.1", "30.0.0.1", "0.0.0.0", "2001:db8::1", "::ffff:8.8.8.8", "not an address"])(
    "does not have %s",
    (text) => expect(networks.has(/^[\d.]+$/.test(text) ? ip(text) : text)).toBe(false),
  );

  it("refuses a text that is not a network", () => {
    expect(() => new NetworkSet(["10.0.0.1/8"])).toThrow(expect.objectContaining({ code: "DNS_BAD_ADDRESS" }));
  });
});

describe("createClientCheck", () => {
  it("asks a function again when an unknown source appears, at most every 200 ms", () => {
    let networks = ["10.0.0.0/8"];
    let calls = 0;
    const check = createClientCheck(() => {
      calls++;
      return networks;
    });
    const isClient = (text: string, nowMs: number): boolean => check.isClient(client(text), () => nowMs);
    expect(isClient("10.1.1.1", 0)).toBe(true);
    expect(isClient("172.18.0.2", 0)).toBe(false);
    networks = ["10.0.0.0/8", "172.18.0.0/16"];
    for (let i = 0; i < 1000; i++) expect(isClient("172.18.0.2", 100)).toBe(false);
    expect(isClient("172.18.0.2", 300)).toBe(true);
    expect(calls).toBe(3);
  });

  it("takes everyone under the policy any", () => {
    expect(createClientCheck("any").isClient(client("8.8.8.8"), () => 0)).toBe(true);
  });
});

describe("createRefusalLimiter", () => {
  it("lets each source hear one refusal a minute, and all of them a hundred a second", () => {
    const limiter = createRefusalLimiter(1234);
    expect([1, 2, 3].map(() => limiter.admits(ip("8.8.8.8"), 0))).toEqual([true, false, false]);
    expect(limiter.admits(ip("8.8.8.8"), 61_000)).toBe(true);
    const heard = Array.from({ length: 10_000 }, (_, i) => limiter.admits(0x08080000 + i, 70_000)).filter(Boolean);
    expect(heard).toHaveLength(100);
  });
});
