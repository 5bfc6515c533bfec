import { describe, expect, it } from "vitest";
import { type DnsServerOptions, startDnsServer } from "../../src/node/index.ts";
import { loneNames } from "../support/cluster.ts";

describe("startDnsServer with a bad option", () => {
  it.each<[string, Partial<DnsServerOptions>, string]>([
    ["a port above 65535", { port: 70_000 }, "port: 70000 is not valid; expected an integer from 0 to 65535"],
    ["a negative port", { port: -1 }, "port: -1 is not valid"],
    ["half a port", { port: 0.5 }, "port: 0.5 is not valid"],
    ["an address that is a name", { address: "localhost" }, 'address: "localhost" is not valid'],
    ["a negative ttl", { ttl: -1 }, "ttl: -1 is not valid"],
    ["a UDP limit below 512", { maxUdpBytes: 100 }, "maxUdpBytes: 100 is not valid"],
    ["no patience", { fallbackTimeoutMs: 0 }, "fallbackTimeoutMs: 0 is not valid"],
    ["an upstream that is a name", { upstreams: { servers: [{ address: "dns.example" }] } }, "an upstream"],
    ["an upstream on port 0", { upstreams: { servers: [{ address: "1.1.1.1", port: 0 }] } }, "an upstream's port"],
  ])("rejects %s with one line", async (_, options, message) => {
    const started = startDnsServer({ names: loneNames(), address: "127.0.0.1", port: 0, ...options });
    await expect(started).rejects.toMatchObject({ code: "DNS_BAD_OPTION", message: expect.stringContaining(message) });
  });

  it.each<[string, Partial<DnsServerOptions>]>([
    ["a client network with host bits", { clients: ["10.0.0.1/8"] }],
    ["an own subnet that is IPv6", { ownSubnets: ["fd00::/64"] }],
  ])("rejects %s", async (_, options) => {
    const started = startDnsServer({ names: loneNames(), address: "127.0.0.1", port: 0, ...options });
    await expect(started).rejects.toMatchObject({ code: "DNS_BAD_ADDRESS" });
  });
});
