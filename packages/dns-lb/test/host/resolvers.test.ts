import { promises as dns } from "node:dns";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createNames, type Names } from "../../src/names.ts";
import { type DnsServer, startDnsServer, systemClock, systemWallClock } from "../../src/node/index.ts";
import { ip } from "../support/cluster.ts";
import { has, type ResolverLab, resolverLab, run } from "./lab.ts";

const isRoot = process.getuid?.() === 0;
const address = `127.53.${process.pid & 255}.${((process.pid >>> 8) & 127) + 1}`;
const upAddress = `127.54.${process.pid & 255}.${((process.pid >>> 8) & 127) + 1}`;

let server: DnsServer;
let upstream: DnsServer;
let lab: ResolverLab;
let plain: ResolverLab;

const makeNames = (self: number, domain: string): Names =>
  createNames({ self, domain, clock: systemClock, wallClock: systemWallClock, isKnownPeer: () => true });

beforeAll(async () => {
  if (!isRoot) return;
  const foreign = makeNames(2, "example.org");
  foreign.add("up.example.org", "u", ip("192.0.2.7"));
  upstream = await startDnsServer({ names: foreign, address: upAddress, port: 53, upstreams: { servers: [] } });
  const names = makeNames(1, "weave.local");
  for (let i = 1; i <= 3; i++) names.add("Web.weave.local", `c${i}`, ip(`10.32.0.${i}`));
  for (let i = 1; i <= 50; i++) names.add("big.weave.local", `b${i}`, ip(`10.33.0.${i}`));
  names.add("sub.dom.weave.local", "s", ip("10.32.1.1"));
  names.add("dual.weave.local", "d", ip("10.32.2.1"));
  names.addRecord("dual.weave.local", "d", { type: "AAAA", address: "fd00::21" });
  names.addRecord("dual.weave.local", "d", { type: "SRV", service: "_http", protocol: "_tcp", port: 8080 });
  server = await startDnsServer({ names, address, port: 53, upstreams: { servers: [{ address: upAddress }] } });
  lab = await resolverLab(address, ["search weave.local", "options timeout:2 attempts:1"]);
  plain = await resolverLab(address, ["options timeout:2 attempts:1"]);
});
afterAll(async () => {
  await Promise.all([server?.close(), upstream?.close(), lab?.close(), plain?.close()]);
});

/** Skips, saying why, unless root and the program are there. */
async function need(ctx: { skip(reason: string): void }, ...programs: string[]): Promise<void> {
  if (!isRoot) ctx.skip("needs root: port 53, mount namespaces");
  for (const program of programs) if (!(await has(program))) ctx.skip(`${program} is not installed`);
}
const addressesIn = (text: string): string[] => [...new Set(text.match(/\b(10|192)\.\d+\.\d+\.\d+\b/g) ?? [])].sort();
const web = ["10.32.0.1", "10.32.0.2", "10.32.0.3"];

describe("dig", () => {
  const dig = async (...args: string[]): Promise<string> =>
    (await run("dig", [`@${address}`, "+time=2", "+tries=1", ...args])).stdout;

  it("gets A records over UDP and TCP, its own case back, EDNS0 with cookies ignored", async (ctx) => {
    await need(ctx, "dig");
    expect(addressesIn(await dig("+short", "WEB.weave.local"))).toEqual(web);
    expect(addressesIn(await dig("+short", "+tcp", "web.weave.local"))).toEqual(web);
    const full = await dig("wEb.Weave.locAL");
    expect(full).toMatch(/flags: qr aa rd ra;/);
    expect(full).toContain("wEb.Weave.locAL.\t1\tIN\tA");
    expect(full).toMatch(/EDNS: version: 0, flags:; udp: 1232/);
    expect(full).not.toContain(";; Warning");
  });

  it("gets all of a large answer, falling back to TCP where UDP is too small", async (ctx) => {
    await need(ctx, "dig");
    for (const args of [["+noedns"], ["+bufsize=700"], ["+bufsize=4096"], ["+tcp"]]) {
      expect(addressesIn(await dig("+short", ...args, "big.weave.local"))).toHaveLength(50);
    }
    expect(await dig("+ignore", "+noedns", "big.weave.local")).toMatch(/flags: qr aa tc rd ra/);
  });

  it("gets PTR, AAAA, SRV, and the right nothing for the rest", async (ctx) => {
    await need(ctx, "dig");
    expect(await dig("+short", "-x", "10.32.0.2")).toBe("Web.weave.local.\n");
    expect(await dig("+short", "dual.weave.local", "AAAA")).toBe("fd00::21\n");
    expect(await dig("+short", "_http._tcp.dual.weave.local", "SRV")).toBe("0 1 8080 10-32-2-1.dual.weave.local.\n");
    expect(await dig("web.weave.local", "MX")).toMatch(/status: NOERROR[\s\S]*ANSWER: 0, AUTHORITY: 1/);
    expect(await dig("nope.weave.local")).toMatch(/status: NXDOMAIN[\s\S]*SOA/);
    expect(await dig("web.weave.local", "ANY")).toContain('HINFO\t"RFC8482" ""');
    expect(await dig("web.weave.local", "A", "CH")).toContain("status: REFUSED");
  });

  it("gets foreign names, forward and reverse, through the upstream", async (ctx) => {
    await need(ctx, "dig");
    expect(await dig("+short", "up.example.org")).toBe("192.0.2.7\n");
    expect(await dig("+short", "+tcp", "up.example.org")).toBe("192.0.2.7\n");
    expect(await dig("+short", "-x", "192.0.2.7")).toBe("up.example.org.\n");
    expect(await dig("nope.example.org")).toContain("status: NXDOMAIN");
  });
});

describe("nslookup", () => {
  it("resolves names qualified or not, and says so when they do not exist", async (ctx) => {
    await need(ctx, "nslookup");
    const look = (name: string): ReturnType<typeof run> => run("nslookup", ["-timeout=2", name, address]);
    expect(addressesIn((await look("web.weave.local")).stdout)).toEqual(web);
    expect(addressesIn((await look("sub.dom.weave.local")).stdout)).toEqual(["10.32.1.1"]);
    expect((await look("nope.weave.local")).stdout).toContain("NXDOMAIN");
    expect((await look("10.32.0.1")).stdout).toContain("name = Web.weave.local.");
  });
});

describe("the C library's resolver (glibc)", () => {
  it("resolves names qualified, by search list, unqualified, and reverse", async (ctx) => {
    await need(ctx, "getent", "unshare");
    // Without a network the library leaves out families that the machine has no address of.
    const all = (await run("getent", ["--help"])).stdout.includes("--no-addrconfig") ? ["--no-addrconfig"] : [];
    for (const name of ["web.weave.local", "web", "WEB"]) {
      expect(addressesIn((await lab.run("getent", ...all, "ahostsv4", name)).stdout), name).toEqual(web);
    }
    expect(addressesIn((await plain.run("getent", ...all, "ahostsv4", "web")).stdout)).toEqual(web);
    expect(addressesIn((await lab.run("getent", ...all, "ahostsv4", "sub.dom")).stdout)).toEqual(["10.32.1.1"]);
    expect(addressesIn((await lab.run("getent", ...all, "ahostsv4", "big")).stdout)).toHaveLength(50);
    expect((await lab.run("getent", ...all, "ahosts", "dual")).stdout).toContain("fd00::21");
    expect((await lab.run("getent", "hosts", "10.32.0.3")).stdout).toContain("Web.weave.local");
    expect((await lab.run("getent", ...all, "ahostsv4", "up.example.org")).stdout).toContain("192.0.2.7");
    expect((await lab.run("getent", ...all, "ahosts", "nope")).code).toBe(2);
  });
});

const probe = `
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
int main(int argc, char **argv) {
  struct addrinfo hints, *list;
  char text[64];
  memset(&hints, 0, sizeof hints);
  hints.ai_socktype = SOCK_STREAM;
  int failed = getaddrinfo(argv[1], 0, &hints, &list);
  if (failed) { printf("error %d\\n", failed); return 1; }
  for (; list; list = list->ai_next) {
    void *at = list->ai_family == AF_INET ? (void *)&((struct sockaddr_in *)list->ai_addr)->sin_addr
                                          : (void *)&((struct sockaddr_in6 *)list->ai_addr)->sin6_addr;
    puts(inet_ntop(list->ai_family, at, text, sizeof text));
  }
  return 0;
}`;

describe("musl's resolver", () => {
  it("resolves names, short ones too, without any search list", async (ctx) => {
    await need(ctx, "musl-gcc", "unshare");
    await writeFile(join(plain.dir, "probe.c"), probe);
    const binary = join(plain.dir, "probe");
    const built = await run("musl-gcc", ["-static", "-o", binary, join(plain.dir, "probe.c")]);
    expect(built.stderr).toBe("");
    for (const name of ["web", "web.weave.local", "WEB"]) {
      expect(addressesIn((await plain.run(binary, name)).stdout), name).toEqual(web);
    }
    // musl has no search list for names with a dot.
    expect(addressesIn((await lab.run(binary, "sub.dom.weave.local")).stdout)).toEqual(["10.32.1.1"]);
    // musl reads at most 48 addresses.
    expect(addressesIn((await plain.run(binary, "big")).stdout).length).toBeGreaterThanOrEqual(28);
    expect((await plain.run(binary, "dual")).stdout).toContain("fd00::21");
    expect((await plain.run(binary, "up.example.org")).stdout).toContain("192.0.2.7");
    expect((await plain.run(binary, "nope")).stdout).toBe("error -2\n");
  });
});

describe("busybox nslookup", () => {
  it("resolves names and says which do not exist", async (ctx) => {
    await need(ctx, "busybox", "unshare");
    expect(addressesIn((await plain.run("busybox", "nslookup", "web.weave.local")).stdout)).toEqual(web);
    expect((await plain.run("busybox", "nslookup", "nope.weave.local")).code).not.toBe(0);
  });
});

describe("Node's resolver", () => {
  it("gets every kind of record", async (ctx) => {
    await need(ctx);
    const resolver = new dns.Resolver({ timeout: 2000, tries: 1 });
    resolver.setServers([address]);
    expect((await resolver.resolve4("web.weave.local")).sort()).toEqual(web);
    expect(await resolver.resolve4("big.weave.local")).toHaveLength(50);
    expect(await resolver.reverse("10.32.0.1")).toEqual(["Web.weave.local"]);
    expect(await resolver.resolve4("up.example.org")).toEqual(["192.0.2.7"]);
    expect((await resolver.resolveSoa("weave.local")).hostmaster).toBe("hostmaster.weave.local");
    await expect(resolver.resolveMx("web.weave.local")).rejects.toMatchObject({ code: "ENODATA" });
    await expect(resolver.resolve4("nope.weave.local")).rejects.toMatchObject({ code: "ENOTFOUND" });
  });
});
