import { seededRandom } from "@weaved/sim";
import { describe, expect, it } from "vitest";
import type { Names } from "../src/names.ts";
import { createResponder, type Responder, type ResponderOptions } from "../src/responder.ts";
import { localFirst, shuffle, usableOnly } from "../src/strategy.ts";
import { ownSubnet } from "../src/zone.ts";
import { ip, loneNames } from "./support/cluster.ts";
import { type Decoded, dataOf, query, read } from "./support/queries.ts";

function lab(options: Partial<ResponderOptions> = {}): {
  names: Names;
  responder: Responder;
  ask(q: Uint8Array, from?: string, transport?: "udp" | "tcp"): Decoded;
} {
  const names = loneNames(1);
  names.add("web.weave.local", "c1", ip("10.32.0.1"));
  names.add("web.weave.local", "c2", ip("10.32.0.2"), 2);
  names.add("Sub.Dom.weave.local", "c3", ip("10.32.0.3"));
  const responder = createResponder({ names, random: seededRandom(1), ...options });
  return {
    names,
    responder,
    ask(bytes, from = "10.32.0.9", transport = "udp") {
      const verdict = responder.respond(bytes, { address: ip(from), transport });
      if (verdict.do !== "reply") throw new Error(verdict.do);
      return read(verdict.bytes);
    },
  };
}
const verdictOf = (name: string, type: string | number): string =>
  lab().responder.respond(query(name, type), { address: 1, transport: "udp" }).do;

describe("local names", () => {
  it("get all addresses, in the asker's case, for one second", () => {
    const reply = lab().ask(query("wEb.WEAVE.local"));
    expect(dataOf(reply.answers).sort()).toEqual(["10.32.0.1", "10.32.0.2"]);
    expect(reply.answers!.every((a) => a.name === "wEb.WEAVE.local" && (a as { ttl: number }).ttl === 1)).toBe(true);
    expect(reply).toMatchObject({ rcode: "NOERROR", flag_aa: true, flag_ra: true, flag_tc: false });
  });

  it("are found unqualified and in sub-domains", () => {
    expect(dataOf(lab().ask(query("web")).answers)).toHaveLength(2);
    expect(dataOf(lab().ask(query("sub.dom.weave.local")).answers)).toEqual(["10.32.0.3"]);
  });

  it("that do not exist are denied with a SOA, to be remembered for the TTL", () => {
    const reply = lab({ ttl: 5 }).ask(query("nope.weave.local"));
    expect(reply).toMatchObject({ rcode: "NXDOMAIN", flag_aa: true });
    expect(reply.authorities).toMatchObject([{ name: "weave.local", type: "SOA", ttl: 5, data: { minimum: 5 } }]);
  });

  it("that exist without the type asked for, or only as a parent, are empty, not absent", () => {
    const { ask } = lab();
    for (const [name, type] of [
      ["web.weave.local", "AAAA"],
      ["web.weave.local", "MX"],
      ["web", "AAAA"],
      ["dom.weave.local", "A"],
      ["weave.local", "A"],
      ["web.weave.local", 999],
    ] as const) {
      const reply = ask(query(name, type));
      expect([name, reply.rcode, reply.answers, reply.authorities?.length]).toEqual([name, "NOERROR", [], 1]);
    }
  });

  it("answer ANY with next to nothing (RFC 8482)", () => {
    expect(lab().ask(query("web.weave.local", 255)).answers).toMatchObject([
      { type: "HINFO", data: { cpu: "RFC8482", os: "" } },
    ]);
  });

  it("answer SOA at the apex", () => {
    expect(lab().ask(query("weave.local", "SOA")).answers).toMatchObject([{ type: "SOA" }]);
  });

  it("with a dot inside a label match nothing", () => {
    const bytes = Uint8Array.from([
      ...query("x.y").subarray(0, 12),
      9,
      ...Buffer.from("web.weave"),
      5,
      ...Buffer.from("local"),
      0,
      0,
      1,
      0,
      1,
    ]);
    expect(lab().responder.respond(bytes, { address: 1, transport: "udp" }).do).toBe("forward");
  });
});

describe("reverse look-ups", () => {
  it("give the name as registered", () => {
    const reply = lab().ask(query("3.0.32.10.IN-ADDR.arpa", "PTR"));
    expect(dataOf(reply.answers)).toEqual(["Sub.Dom.weave.local"]);
    expect(reply.answers![0]!.name).toBe("3.0.32.10.IN-ADDR.arpa");
  });

  it("of unused addresses of our subnets are denied here, within their reverse zone (RFC 6303)", () => {
    const { ask, responder } = lab({ ownSubnets: ["10.32.0.0/12", "30.0.0.0/8"] });
    const reply = ask(query("9.9.33.10.in-addr.arpa", "PTR"));
    expect(reply).toMatchObject({ rcode: "NXDOMAIN", flag_aa: true });
    expect(reply.authorities).toMatchObject([{ name: "33.10.in-addr.arpa", type: "SOA" }]);
    expect(ask(query("1.2.3.30.in-addr.arpa", "PTR")).authorities).toMatchObject([{ name: "30.in-addr.arpa" }]);
    const outside = responder.respond(query("9.9.64.10.in-addr.arpa", "PTR"), { address: 1, transport: "udp" });
    expect(outside.do).toBe("forward");
  });

  it("of other addresses go upstream", () => {
    expect(verdictOf("9.9.9.9.in-addr.arpa", "PTR")).toBe("forward");
    expect(verdictOf("32.10.in-addr.arpa", "SOA")).toBe("forward");
  });
});

describe("everything else", () => {
  it("goes upstream, and so do questions about top-level domains", () => {
    expect(verdictOf("www.example", "A")).toBe("forward");
    expect(verdictOf("com", "NS")).toBe("forward");
    expect(verdictOf(".", "NS")).toBe("forward");
    expect(verdictOf("weave.local.example", "A")).toBe("forward");
  });

  it.each(["localhost", "LocalHost", "db.localhost"])("%s is the client itself (RFC 6761)", (name) => {
    const { ask } = lab();
    expect(dataOf(ask(query(name)).answers)).toEqual(["127.0.0.1"]);
    expect(dataOf(ask(query(name, "AAAA")).answers)).toEqual(["::1"]);
    expect(ask(query(name, "MX"))).toMatchObject({ rcode: "NOERROR", answers: [] });
  });

  it("that is not a question is dropped or refused", () => {
    const { responder, ask } = lab();
    const answer = query("web.weave.local");
    answer[2] = 0x80;
    expect(responder.respond(answer, { address: 1, transport: "udp" }).do).toBe("drop");
    expect(responder.respond(new Uint8Array(11), { address: 1, transport: "udp" }).do).toBe("drop");
    expect(ask(new Uint8Array(12)).rcode).toBe("FORMERR");
    const notify = query("web.weave.local");
    notify[2] = 0x20;
    expect(ask(notify).rcode).toBe("NOTIMP");
    const chaos = query("web.weave.local");
    chaos[chaos.length - 1] = 3;
    expect(ask(chaos).rcode).toBe("REFUSED");
  });
});

describe("sizes", () => {
  const big = (options: Partial<ResponderOptions> = {}): ReturnType<typeof lab> => {
    const made = lab(options);
    for (let i = 0; i < 500; i++) made.names.add("big.weave.local", `b${i}`, ip("10.33.0.0") + i);
    return made;
  };

  it("stay within 512 bytes without EDNS0, its size with it, our ceiling always; TCP has no limit", () => {
    const { ask, responder } = big();
    const size = (edns?: number): number => {
      const verdict = responder.respond(query("big.weave.local", "A", edns), { address: 1, transport: "udp" });
      return verdict.do === "reply" ? verdict.bytes.length : 0;
    };
    expect(size()).toBeLessThanOrEqual(512);
    expect(size()).toBeGreaterThan(490);
    expect(size(700)).toBeLessThanOrEqual(700);
    expect(size(65_535)).toBeLessThanOrEqual(1232);
    expect(size(0)).toBeLessThanOrEqual(512);
    expect(ask(query("big.weave.local"))).toMatchObject({ flag_tc: true });
    expect(ask(query("big.weave.local"), "10.32.0.9", "tcp").answers).toHaveLength(500);
  });

  it("are advertised in an OPT record exactly when the query had one", () => {
    const { ask } = lab();
    expect(ask(query("web.weave.local", "A", 4096)).additionals).toMatchObject([{ type: "OPT", udpPayloadSize: 1232 }]);
    expect(ask(query("web.weave.local")).additionals).toEqual([]);
    const future = query("web.weave.local", "A", 4096);
    future[future.length - 5] = 9;
    expect(ask(future).additionals).toMatchObject([{ type: "OPT", extendedRcode: 1 }]);
  });
});

describe("the DO bit", () => {
  it.each(["web.weave.local", "nope.weave.local"])("is repeated in replies about %s (RFC 3225)", (name) => {
    const { ask } = lab();
    const asked = query(name, "A", 4096);
    asked[asked.length - 4] = 0x80;
    expect(ask(asked).additionals).toMatchObject([{ type: "OPT", flag_do: true }]);
    expect(ask(query(name, "A", 4096)).additionals).toMatchObject([{ type: "OPT", flag_do: false }]);
  });
});

describe("health", () => {
  it("takes an unhealthy container out of the answers while a healthy one is there", () => {
    const { names, ask } = lab({ strategy: usableOnly(shuffle(), () => true) });
    names.setHealth("c1", false);
    expect(dataOf(ask(query("web")).answers)).toEqual(["10.32.0.2"]);
    names.setHealth("c1", true);
    expect(dataOf(ask(query("web")).answers)).toHaveLength(2);
  });

  it("leaves a name whose containers are all unhealthy with all its addresses", () => {
    const { names, ask } = lab({ strategy: usableOnly(shuffle(), () => true) });
    names.setHealth("c3", false);
    expect(dataOf(ask(query("sub.dom.weave.local")).answers)).toEqual(["10.32.0.3"]);
  });

  it("does not keep a name alive whose addresses are gone", () => {
    const { names, ask } = lab();
    names.setHealth("c3", false);
    names.remove({ address: "10.32.0.3" });
    expect(ask(query("sub.dom.weave.local")).rcode).toBe("NXDOMAIN");
  });
});

describe("records beyond IPv4", () => {
  it("AAAA are answered beside A", () => {
    const { names, ask } = lab();
    names.addRecord("web.weave.local", "c1", { type: "AAAA", address: "FD00::1" });
    expect(dataOf(ask(query("web.weave.local", "AAAA")).answers)).toEqual(["fd00::1"]);
    expect(dataOf(ask(query("web.weave.local")).answers)).toHaveLength(2);
    names.containerDied("c1");
    expect(ask(query("web.weave.local", "AAAA")).answers).toEqual([]);
  });

  it("SRV gives the port, a name for that one container, and its address", () => {
    const { names, ask } = lab();
    names.addRecord("web.weave.local", "c1", { type: "SRV", service: "_http", protocol: "_tcp", port: 8080 });
    const reply = ask(query("_http._tcp.web.weave.local", "SRV"));
    expect(dataOf(reply.answers)).toMatchObject([
      { port: 8080, priority: 0, weight: 1, target: "10-32-0-1.web.weave.local" },
    ]);
    expect(dataOf(reply.additionals)).toEqual(["10.32.0.1"]);
    expect(dataOf(ask(query("10-32-0-1.web.weave.local")).answers)).toEqual(["10.32.0.1"]);
    expect(ask(query("10-32-0-7.web.weave.local")).rcode).toBe("NXDOMAIN");
    expect(ask(query("_http._udp.web.weave.local", "SRV")).rcode).toBe("NXDOMAIN");
    expect(ask(query("_http._tcp.web.weave.local", "A"))).toMatchObject({ rcode: "NOERROR", answers: [] });
  });

  it("that make no sense are refused", () => {
    const { names } = lab();
    expect(() => names.addRecord("web.weave.local", "c1", { type: "AAAA", address: "1::2::3" })).toThrow(
      "is not a valid record",
    );
    expect(() =>
      names.addRecord("web.weave.local", "c1", { type: "SRV", service: "http", protocol: "_tcp", port: 1 }),
    ).toThrow();
    expect(() => names.addRecord("web.weave.local", "c1", { type: "WEIGHT", weight: -1 })).toThrow();
  });
});

describe("a view", () => {
  it("shows a client its own subnet only, whatever it asks", () => {
    const view = ownSubnet(["10.1.0.0/16", "10.2.0.0/16"]);
    const { names, ask } = lab({ view });
    names.add("app.weave.local", "x", ip("10.1.0.1"));
    names.add("app.weave.local", "y", ip("10.2.0.1"));
    names.add("secret.weave.local", "y", ip("10.2.0.1"));
    names.addRecord("secret.weave.local", "y", { type: "AAAA", address: "fd00::1" });
    expect(dataOf(ask(query("app"), "10.1.0.9").answers)).toEqual(["10.1.0.1"]);
    expect(dataOf(ask(query("app"), "10.2.0.9").answers)).toEqual(["10.2.0.1"]);
    expect(dataOf(ask(query("app"), "172.17.0.1").answers)).toHaveLength(2);
    for (const type of ["A", "AAAA", 255]) expect(ask(query("secret", type), "10.1.0.9").rcode).toBe("NXDOMAIN");
    expect(ask(query("1.0.2.10.in-addr.arpa", "PTR"), "10.1.0.9").rcode).toBe("NXDOMAIN");
    expect(ask(query("10-2-0-1.app.weave.local"), "10.1.0.9").rcode).toBe("NXDOMAIN");
  });
});

describe("figures", () => {
  it("say how often a name was asked, by whom", () => {
    const { ask, responder } = lab({ strategy: localFirst() });
    ask(query("web"), "10.32.0.8");
    ask(query("WEB.weave.local"), "10.32.0.9");
    ask(query("web.weave.local", "MX"), "10.32.0.9");
    ask(query("nope"), "10.32.0.9");
    const stats = responder.stats.names.get("web.weave.local.")!;
    expect([stats.asked, stats.answered, [...stats.clients]]).toEqual([
      3,
      2,
      [
        [ip("10.32.0.8"), 1],
        [ip("10.32.0.9"), 2],
      ],
    ]);
    expect(responder.stats.totals).toMatchObject({ queries: 4, answered: 2, noData: 1, nxDomain: 1 });
  });
});
