import { expect, it } from "vitest";
import type { Node } from "./cluster.ts";
import { scenarios } from "./scenario.ts";

const pings = async (from: Node, to: string, waitMs = 300): Promise<boolean> =>
  (await from.host.exec("ping", ["-c", "2", "-i", "0.1", "-W", String(waitMs / 1000), to])).code === 0;
/** A namespace without a route to the address does not reach it either. */
const reaches = async (from: Node, container: string, to: string): Promise<boolean> =>
  (await from.container(container).exec("ping", ["-c", "2", "-i", "0.1", "-W", "0.3", to])).code === 0;

/** Starts a server in a container or on a host that answers every connection with a word. */
const answering = (word: string, port: number): [string, string[]] => [
  "socat",
  [`TCP-LISTEN:${port},fork,reuseaddr`, `SYSTEM:echo ${word}`],
];
const asking = (address: string, port: number): [string, string[]] => [
  "timeout",
  ["2", "socat", "-", `TCP:${address}:${port},connect-timeout=1`],
];

/*
 *  a: c1 10.32.x (default subnet), c2 10.50.1.1/24        b: c1, c2 10.50.1.2/24
 */
scenarios("the border of a host", { hosts: ["a", "b"], containers: 2 }, (cluster) => {
  const [a, b] = [() => cluster().node("a"), () => cluster().node("b")];
  const address: Record<string, string> = {};

  it("keeps the host out until it is exposed, and then lets it into exposed subnets only (130)", async () => {
    await cluster().linked(1);
    for (const node of [a(), b()]) {
      const n = node.name;
      address[`${n}1`] = (await node.weave("attach", node.reference("c1"))).trim();
      address[`${n}2`] = (
        await node.weave("attach", `ip:10.50.1.${n === "a" ? 1 : 2}/24`, node.reference("c2"))
      ).trim();
    }
    expect(await pings(a(), address.a1!)).toBe(false);
    const exposed = (await a().weave("expose")).trim();
    expect(await pings(a(), address.a1!)).toBe(true);
    expect(await pings(a(), address.b1!, 2000)).toBe(true);
    expect(await pings(a(), address.a2!)).toBe(false);
    expect(await pings(a(), address.b2!)).toBe(false);
    // Asked again, the same; the host may be in several subnets.
    expect((await a().weave("expose")).trim()).toBe(exposed);
    await a().weave("expose", "ip:10.50.1.254/24");
    expect(await pings(a(), address.b2!, 2000)).toBe(true);
  });

  it("does not let containers of different subnets at each other (130)", async () => {
    expect(await reaches(a(), "c2", address.b2!)).toBe(true);
    expect(await reaches(a(), "c1", address.a2!)).toBe(false);
    expect(await reaches(a(), "c2", address.b1!)).toBe(false);
  });

  it("closes again by hide, twice without complaint (130)", async () => {
    expect((await a().weave("hide", "ip:10.50.1.254/24")).trim()).toBe("10.50.1.254");
    expect(await pings(a(), address.a2!)).toBe(false);
    expect(await pings(a(), address.a1!)).toBe(true);
    await a().weave("hide");
    expect(await a().weave("hide")).toBe("");
    expect(await pings(a(), address.a1!)).toBe(false);
  });

  it("gives the exposed host a name (200)", async () => {
    const exposed = (await a().weave("expose", "-h", "gateway.weave.local")).trim();
    expect(await b().resolve("gateway.weave.local")).toEqual([exposed]);
  });

  it("exports a service of a container to other hosts, imports one from outside, binds one to an address", async () => {
    await a()
      .container("c1")
      .spawn(...answering("inside", 80), { name: "inside" });
    await b().host.spawn(...answering("outside", 81), { name: "outside" });
    const gateway = (await a().weave("expose")).trim();
    await a().weave("service", "export", "2211", `${address.a1}:80`);
    await a().weave("service", "import", "3322", `${b().host.address}:81`);
    await a().weave("service", "bind", `${gateway}:4433`, `${address.a1}:80`);
    const fromB = () => b().host.exec(...asking(a().host.address, 2211));
    await expect.poll(async () => (await fromB()).stdout.trim(), { timeout: 5000 }).toBe("inside");
    const fromC2 = async (port: number) =>
      (
        await a()
          .container("c1")
          .exec(...asking(gateway, port))
      ).stdout.trim();
    await expect.poll(() => fromC2(3322), { timeout: 5000 }).toBe("outside");
    expect(await fromC2(4433)).toBe("inside");
    const listed = await a().weave("service", "list");
    for (const word of ["2211", "3322", "4433"]) expect(listed).toContain(word);
  });

  it("is as it was after a restart of the daemon", async () => {
    const before = await a().weave("service", "list");
    await a().crash();
    await a().start();
    expect(await a().weave("service", "list")).toBe(before);
    expect((await b().host.exec(...asking(a().host.address, 2211))).stdout.trim()).toBe("inside");
    expect(await pings(a(), address.a1!, 2000)).toBe(true);
  });

  it("forgets a service when told to, and says so of one it does not know", async () => {
    const line = (await a().weave("service", "list")).split("\n").find((row) => row.includes("2211"));
    await a().weave("service", "remove", line!.split(/\s+/)[0]!);
    expect((await b().host.exec(...asking(a().host.address, 2211))).stdout).toBe("");
    expect(await a().tryWeave("service", "remove", "nonsense")).toMatchObject({ code: 1 });
  });

  it("is reached from another host by a route, when the exposure does not masquerade (130)", async () => {
    await a().weave("hide");
    // Asked again without the option, exposing would masquerade.
    const gateway = (await a().weave("expose", "--without-masquerade")).trim();
    await b().host.must("ip", ["route", "replace", `${address.a1}/32`, "via", a().host.address]);
    await a().host.must("sysctl", ["-q", "-w", "net.ipv4.ip_forward=1"]);
    const c1 = a().container("c1");
    await c1.must("ip", ["route", "replace", "default", "via", gateway]);
    expect(await pings(b(), address.a1!, 2000)).toBe(true);
    // A ping comes through either way; who asks is what masquerading would hide.
    await c1.spawn(...answering("$SOCAT_PEERADDR", 90), { name: "peer" });
    const asked = async () => (await b().host.exec(...asking(address.a1!, 90))).stdout.trim();
    await expect.poll(asked, { timeout: 5000 }).toBe(b().host.address);
  });
});
