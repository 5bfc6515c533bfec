import { waitFor } from "@weaved/netlab";
import { expect } from "vitest";
import { scenario } from "./scenario.ts";

/** The status of a reply (`NOERROR`, `REFUSED`), empty without one. */
const statusOf = (stdout: string): string => /status: (\w+)/.exec(stdout)?.[1] ?? "";
const question = (server: string): string[] => ["+time=2", "+tries=1", `@${server}`, "web.weave.local"];

scenario(
  "by default the DNS server listens on Docker's bridge and the overlay's, and refuses other hosts",
  { hosts: ["a", "b"], containers: 1, all: { flags: ["--dns-listen-address="] } },
  async ({ node, linked }) => {
    const [a, b] = [node("a"), node("b")];
    await linked(1);
    await a.call("PUT", "/name/x/10.32.0.9", { form: [["fqdn", "web.weave.local"]] });
    const dig = async (from: typeof a, server: string): Promise<string> =>
      statusOf((await from.host.exec("dig", question(server))).stdout);

    // Docker comes later than the daemon, and its bridge has no carrier until the first container runs.
    await a.host.must("ip", ["link", "add", "docker0", "type", "bridge"]);
    await a.host.must("ip", ["address", "add", "172.17.0.1/16", "dev", "docker0"]);
    await a.host.must("ip", ["link", "set", "docker0", "up"]);
    await waitFor("the server listens on docker0", async () => (await dig(a, "172.17.0.1")) === "NOERROR", 40_000, 500);

    // The bridge of the overlay has an address once it is exposed; containers ask it.
    await a.run("c1", "web");
    const exposed = (await a.weave("expose")).trim();
    const fromContainer = async () => statusOf((await a.container("c1").exec("dig", question(exposed))).stdout);
    await waitFor(
      "a container is answered on the overlay",
      async () => (await fromContainer()) === "NOERROR",
      40_000,
      500,
    );

    // Not on the network of the host.
    expect(await dig(b, a.host.address)).toBe("");

    // A neighbour that routes to docker0 is refused.
    await a.host.must("sysctl", ["-qw", "net.ipv4.ip_forward=1"]);
    await b.host.must("ip", ["route", "add", "172.17.0.0/16", "via", a.host.address]);
    expect(await dig(b, "172.17.0.1")).toBe("REFUSED");
  },
);

scenario(
  "a network named by --dns-clients is answered, from the address that was asked",
  { hosts: ["a", "b"], all: { flags: ["--dns-listen-address=0.0.0.0:53", "--dns-clients=0.0.0.0/0"] } },
  async ({ node, linked }) => {
    const [a, b] = [node("a"), node("b")];
    await linked(1);
    await a.call("PUT", "/name/x/10.32.0.9", { form: [["fqdn", "web.weave.local"]] });
    expect(statusOf((await b.host.exec("dig", question(a.host.address))).stdout)).toBe("NOERROR");
    // dig drops replies from another address than the one that it asked.
    await a.host.must("ip", ["address", "add", "198.51.100.7/32", "dev", "lo"]);
    await b.host.must("ip", ["route", "add", "198.51.100.7/32", "via", a.host.address]);
    const onSecond = async () => statusOf((await b.host.exec("dig", question("198.51.100.7"))).stdout) === "NOERROR";
    await waitFor("the second address is answered", onSecond, 40_000, 500);
  },
);
