/*
 * Two switches with a router between them; figures come from ping, iperf3, tcpdump, never from looking at rules.
 *
 *   a, b --[left, region eu]--(router)--[right, region us]-- c, d      n -[NAT]- left
 */
import { mkdtempSync, rmdirSync } from "node:fs";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createLab, type Lab, type LabHost, waitFor, waitUntilReachable, whyNoLab } from "../../src/index.ts";

const why = whyNoLab(["iperf", "capture"]);

describe("a lab", () => {
  let lab: Lab;
  let [a, b, c, d, n] = [] as unknown as [LabHost, LabHost, LabHost, LabHost, LabHost];

  beforeAll(async () => {
    if (why) return;
    lab = await createLab({
      switches: { left: { region: "eu" }, right: { region: "us" } },
      hosts: {
        a: { switch: "left", containers: { x: { address: "10.50.0.2/24" }, y: { address: "10.50.0.3/24" } } },
        b: { switch: "left", dns: { nameservers: ["10.77.1.11"], search: ["lab.test"] }, pidNamespace: true },
        c: { switch: "right" },
        d: { switch: ["right", "left"] },
        n: { switch: "left", nat: { forward: [8080] } },
      },
    });
    [a, b, c, d, n] = ["a", "b", "c", "d", "n"].map((name) => lab.host(name)) as typeof hosts;
  });
  const hosts = [a, b, c, d, n] as [LabHost, LabHost, LabHost, LabHost, LabHost];
  afterAll(() => lab?.close());
  beforeEach(async (ctx) => {
    if (why) ctx.skip(why);
    await lab.faults.heal();
  });
  const loss = async (from: LabHost, to: LabHost) => (await from.ping(to, { count: 4, waitMs: 200 })).lossPercent;

  it("joins hosts of one switch, of two regions, the containers of a host", async () => {
    expect([await loss(a, b), await loss(a, c)]).toEqual([0, 0]);
    expect((await a.container("x").ping(a.container("y"))).received).toBe(5);
    expect((await d.must("ip", ["-br", "addr"])).match(/10\.77\.\d\.\d+/g)).toEqual([...d.addresses]);
  });

  it("gives each host a resolver file, a hostname, names for the others, an empty /run, its own processes", async () => {
    expect(await b.must("cat", ["/etc/resolv.conf"])).toBe("nameserver 10.77.1.11\nsearch lab.test\n");
    b.setResolver("nameserver 10.77.1.12\n");
    expect(await b.must("cat", ["/etc/resolv.conf"])).toBe("nameserver 10.77.1.12\n");
    expect((await b.must("hostname")).trim()).toBe("b");
    expect((await b.ping("c")).received).toBe(5);
    const outside = mkdtempSync("/run/netlab-test-");
    const seen = await b.must("ls", ["/run"]).finally(() => rmdirSync(outside));
    expect(seen.trim().split("\n")).toContain("netns");
    expect(seen).not.toContain("netlab-test-");
    expect((await b.must("ls", ["/sys/class/net"])).split("\n").filter((name) => /^(eth|lo)/.test(name))).toEqual([
      "eth0",
      "lo",
    ]);
    const inside = (await b.must("sh", ["-c", "ls -d /proc/[0-9]*"])).trim().split("\n");
    expect(inside.length).toBeLessThan(10);
  });

  it("partitions by regions, heals", async () => {
    await lab.faults.partition(["eu"], ["c"]);
    expect([await loss(a, b), await loss(a, c), await loss(c, b)]).toEqual([0, 100, 100]);
    await lab.faults.heal();
    expect([await loss(a, b), await loss(a, c), await loss(c, b)]).toEqual([0, 0, 0]);
  });

  it("cuts both ways or one", async () => {
    await lab.faults.cut("a", "b");
    expect([await loss(a, b), await loss(b, a), await loss(a, c)]).toEqual([100, 100, 0]);
    await lab.faults.heal("a", "b");
    await lab.faults.cutOneWay("b", "a");
    const capture = await b.capture({ filter: "icmp[icmptype] == icmp-echo" });
    expect(await loss(a, b)).toBe(100);
    expect(await capture.stop()).toMatchObject({ packets: 4, dropped: 0 });
    expect(await capture.count("src host 10.77.1.11")).toBe(4);
  });

  it("captures a burst to its last packet", async () => {
    const capture = await b.capture({ filter: "icmp[icmptype] == icmp-echo" });
    const { sent } = await a.ping(b, { count: 500, intervalMs: 1 });
    expect(await capture.stop()).toMatchObject({ packets: sent, dropped: 0 });
    expect(await capture.count()).toBe(500);
  });

  it("loses the share of packets asked for", async () => {
    await lab.faults.setPath("a", "c", { lossPercent: 30 });
    const { lossPercent } = await a.ping(c, { count: 500, intervalMs: 2 });
    // Five standard deviations of 500 draws.
    expect(lossPercent).toBeGreaterThan(20);
    expect(lossPercent).toBeLessThan(40);
    await lab.faults.heal();
    expect((await a.ping(c, { count: 500, intervalMs: 2 })).lossPercent).toBe(0);
  });

  it("swallows large packets on a path, or tells the host by its MTU", async () => {
    await lab.faults.limitSize("a", "b", 1228);
    const probe = async (bytes: number) => (await a.ping(b, { bytes, dontFragment: true, count: 2 })).received;
    expect([await probe(1200), await probe(1201)]).toEqual([2, 0]);
    await lab.faults.heal();
    await lab.faults.setMtu("a", 1300);
    const refused = await a.exec("ping", ["-c", "1", "-M", "do", "-s", "1400", b.address]);
    expect(refused.stdout + refused.stderr).toContain("mtu");
    await lab.faults.setMtu("a", 1500);
  });

  it("limits the rate, lifts the limit", async () => {
    await lab.faults.setRate("c", 20);
    const slow = await a.iperf(c, { seconds: 1 });
    await lab.faults.setRate("c", undefined);
    const fast = await a.iperf(c, { seconds: 1 });
    expect(slow.bitsPerSecond).toBeLessThan(30e6);
    expect(fast.bitsPerSecond).toBeGreaterThan(100e6);
    const udp = await a.iperf(c, { seconds: 1, udpMbit: 5 });
    expect(udp.lossPercent).toBeLessThan(5);
  });

  it("pulls a cable so that the host sees it", async () => {
    await lab.faults.setLink("c", "down");
    expect(await loss(a, c)).toBe(100);
    expect(await c.must("cat", ["/sys/class/net/eth0/operstate"])).not.toBe("up\n");
    await lab.faults.setLink("c", "up");
    await waitUntilReachable(a, c, 5000);
  });

  it("hides a host behind a NAT: it gets out under the router's address, only the forwarded port gets in", async () => {
    const capture = await a.capture({ filter: "icmp" });
    expect([await loss(n, a), await loss(a, n)]).toEqual([0, 100]);
    await capture.stop();
    expect(await capture.count(`icmp[icmptype] == icmp-echo and src host ${n.nat?.address}`)).toBe(4);
    expect(await capture.count(`src host ${n.address}`)).toBe(0);
    const serve = (port: number) =>
      n.spawn("node", [
        "-e",
        `require("net").createServer((s) => s.end("hi")).listen(${port}, () => console.log("ready"))`,
      ]);
    await Promise.all([8080, 9090].map(async (port) => (await serve(port)).waitForLog(/ready/, 10_000)));
    const connect = async (port: number) => {
      const code = `require("net").connect(${port}, "${n.nat?.address}").on("data", (d) => console.log(String(d))).on("error", () => process.exit(1))`;
      return (await a.exec("node", ["-e", code], { timeoutMs: 10_000 })).stdout.trim();
    };
    expect([await connect(8080), await connect(9090)]).toEqual(["hi", ""]);
  });

  it("cuts a host behind its NAT like any other", async () => {
    await lab.faults.cut("n", "a");
    expect([await loss(n, a), await loss(n, b)]).toEqual([100, 0]);
  });

  it("runs daemons with their logs captured; pauses, kills them", async () => {
    const daemon = await b.spawn("sh", ["-c", "echo begin >&2; while :; do date +%N; sleep 0.05; done"], {
      name: "clock",
    });
    await daemon.waitForLog(/begin/, 2000);
    expect(daemon.logFile).toMatch(/b-clock-\d+\.log$/);
    await waitFor("three lines", () => daemon.log().split("\n").length > 3, 2000);
    daemon.pause();
    const state = async () => (await a.must("cat", [`/proc/${daemon.pid}/stat`])).split(") ")[1]?.[0];
    await waitFor("stopped", async () => (await state()) === "T", 2000);
    daemon.resume();
    await waitFor("running", async () => (await state()) !== "T", 2000);
    daemon.kill("SIGKILL");
    expect(await daemon.exited).toBe(137);
    await expect(daemon.waitForLog(/never/, 2000)).rejects.toMatchObject({ code: "COMMAND_FAILED" });
  });

  it.each<[string, string[]]>([
    ["no-such-program", []],
    ["timeout", ["1", "no-such-program"]],
    ["sh", ["-c", "true | no-such-program"]],
  ])("refuses %s %j, because setup would not install it", async (command, args) => {
    const refusal = { code: "PROGRAM_UNKNOWN", message: expect.stringContaining("apps/netlab/src/programs.ts") };
    await expect(a.exec(command, args)).rejects.toMatchObject(refusal);
    await expect(a.must(command, args)).rejects.toMatchObject(refusal);
    await expect(a.container("x").spawn(command, args)).rejects.toMatchObject(refusal);
  });

  it("says which deadline was missed", async () => {
    await expect(a.exec("sleep", ["5"], { timeoutMs: 100 })).rejects.toMatchObject({ code: "DEADLINE" });
    await expect(waitFor("the moon", () => false, 50)).rejects.toThrow("the moon: not within 50 ms");
  });

  it("shifts the wall clock of what is started afterwards", async (ctx) => {
    const missing = whyNoLab(["faketime"]);
    if (missing) ctx.skip(missing);
    c.setClockSkew(3600);
    const there = Number(await c.must("date", ["+%s"]));
    expect(there - Date.now() / 1000).toBeGreaterThan(3590);
    c.setClockSkew(0);
  });

  it("kills a container with everything in it", async () => {
    const y = a.container("y");
    const sleeper = await y.spawn("sleep", ["100"]);
    await y.kill();
    expect(await sleeper.exited).toBe(137);
    expect((await a.container("x").ping(y, { waitMs: 200 })).received).toBe(0);
  });
});
