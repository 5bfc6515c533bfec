import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { keyText, Roster } from "../src/index.ts";
import { generateHostKeys, nodeRosterCrypto } from "../src/node/index.ts";
import { type Host, host, names, network, request, rosterOf, spread } from "./support/hosts.ts";

describe("Roster", () => {
  it("makes a host a member once a member has admitted it", () => {
    const [founder, newcomer] = [host(1), host(2)];
    founder.roster.found(1);
    expect(founder.roster.standing(newcomer.keys.dhKey, 2)).toBe("unknown");
    newcomer.roster.receive(founder.roster.admit(request(newcomer)));
    newcomer.roster.receive(founder.roster.encode());
    for (const { roster } of [founder, newcomer]) {
      expect(names(roster)).toEqual([1, 2]);
      expect(roster.standing(newcomer.keys.dhKey, 2)).toBe("member");
      expect(roster.standing(newcomer.keys.dhKey, 3)).toBe("other name");
    }
  });

  it("reads alike at every host, whatever the order in which statements arrive", () => {
    const hosts = network(6);
    hosts[2]?.roster.revoke((hosts[4] as Host).keys.signKey, "stolen");
    hosts[0]?.roster.revoke((hosts[1] as Host).keys.signKey, "replaced");
    spread(hosts);
    const messages = hosts.map(({ roster }) => roster.encode());
    const statements = new Set(messages.map((message) => Buffer.from(message).toString("hex")));
    expect(statements.size).toBe(1);
    for (const { roster } of hosts) expect(names(roster)).toEqual([1, 3, 4, 6]);
  });

  it("loads what it saved", () => {
    const [founder, other] = network(2) as [Host, Host];
    const loaded = rosterOf(other);
    loaded.receive(other.roster.encode());
    expect(names(loaded)).toEqual([1, 2]);
    expect(loaded.standing(founder.keys.dhKey, 1)).toBe("member");
  });

  it("joins two networks when a member of one admits a member of the other", () => {
    const [left, right] = [network(3), [host(11), host(12)]];
    right[0]?.roster.found(11);
    right[0]?.roster.admit(request(right[1] as Host));
    spread(right);
    expect(names((right[0] as Host).roster)).toEqual([11, 12]);
    left[0]?.roster.admit(request(right[0] as Host));
    spread([...left, ...right]);
    for (const { roster } of [...left, ...right]) expect(names(roster)).toEqual([1, 2, 3, 11, 12]);
  });

  it("lets a host that lost its disk join again, and names the doubled peer name until the old key is revoked", () => {
    const [founder, lost] = network(2) as [Host, Host];
    const again = host(2);
    founder.roster.admit(request(again));
    expect(founder.roster.sharedNames()).toEqual(
      new Map([[2, [keyText(lost.keys.signKey), keyText(again.keys.signKey)]]]),
    );
    founder.roster.revoke(lost.keys.signKey, "disk lost");
    expect(founder.roster.sharedNames().size).toBe(0);
    expect(founder.roster.standing(again.keys.dhKey, 2)).toBe("member");
    expect(founder.roster.standing(lost.keys.dhKey, 2)).toBe("revoked");
  });

  it("finds a key that works on two hosts, by two statements at one position", () => {
    const [founder, cloned] = network(2) as [Host, Host];
    const clone = rosterOf(cloned);
    clone.receive(founder.roster.encode());
    founder.roster.receive(cloned.roster.admit(request(host(3))));
    founder.roster.receive(clone.admit(request(host(4))));
    expect(founder.roster.copiedKeys()).toEqual([keyText(cloned.keys.signKey)]);
  });
});

describe("Roster revocation", () => {
  it("excludes the host everywhere, and neither its keys nor a new admission by itself bring it back", () => {
    const hosts = network(3);
    const [founder, , thief] = hosts as [Host, Host, Host];
    founder.roster.revoke(thief.keys.signKey, "stolen");
    const stranger = host(9);
    // The thief has not heard of it, and admits an accomplice.
    const late = thief.roster.admit(request(stranger));
    spread(hosts);
    founder.roster.receive(late);
    expect(names(founder.roster)).toEqual([1, 2]);
    expect(founder.roster.standing(stranger.keys.dhKey, 9)).toBe("unknown");
    expect(() => thief.roster.admit(request(host(10)))).toThrowError(
      expect.objectContaining({ code: "ROSTER_NOT_ALLOWED" }),
    );
  });

  it("keeps hosts that the revoked one admitted before", () => {
    const [first, middle, last] = network(3) as [Host, Host, Host];
    first.roster.revoke(middle.keys.signKey, "retired");
    last.roster.receive(first.roster.encode());
    for (const { roster } of [first, last]) expect(names(roster)).toEqual([1, 3]);
  });

  it("drops hosts that the revoked one admitted after a named position", () => {
    const [first, middle, last] = network(3) as [Host, Host, Host];
    first.roster.revoke(middle.keys.signKey, "was stolen before it admitted host 3", 0);
    expect(names(first.roster)).toEqual([1]);
    expect(first.roster.standing(last.keys.dhKey, 3)).toBe("unknown");
  });

  it("ignores a revocation that a revoked host signs afterwards", () => {
    const [first, second, third] = network(3) as [Host, Host, Host];
    first.roster.revoke(third.keys.signKey, "stolen");
    const revenge = third.roster.revoke(second.keys.signKey, "revenge");
    first.roster.receive(revenge);
    expect(names(first.roster)).toEqual([1, 2]);
  });

  it("excludes both hosts that revoke each other, the same ones everywhere", () => {
    const hosts = network(4);
    const [, second, third] = hosts as [Host, Host, Host, Host];
    second.roster.revoke(third.keys.signKey, "mistrust");
    third.roster.revoke(second.keys.signKey, "mistrust");
    spread(hosts);
    for (const { roster } of hosts) expect(names(roster)).toEqual([1, 4]);
  });
});

describe("Roster with an operator key", () => {
  it("counts the statements of the operator alone", () => {
    const operator = generateHostKeys();
    const options = { operator: operator.keys.signKey };
    const office = new Roster({ crypto: nodeRosterCrypto(operator.signSecret), own: operator.keys, ...options });
    const [a, b] = [host(1, options), host(2, options)];
    for (const one of [a, b]) office.admit(request(one));
    for (const one of [a, b]) one.roster.receive(office.encode());
    expect(names(a.roster)).toEqual([1, 2]);
    expect(() => a.roster.admit(request(host(3, options)))).toThrowError(
      expect.objectContaining({ code: "ROSTER_NOT_ALLOWED" }),
    );
    // A member whose program ignores the rule convinces nobody.
    const careless = rosterOf(a);
    careless.receive(office.encode());
    b.roster.receive(careless.revoke(b.keys.signKey, "because"));
    expect(names(b.roster)).toEqual([1, 2]);
  });
});

describe("Roster against forged input", () => {
  it("refuses statements of a signer that no admission connects", () => {
    const [founder] = network(2) as [Host, Host];
    const stranger = host(7);
    const message = stranger.roster.found(7);
    expect(founder.roster.receive(message)).toEqual({ news: undefined, refused: { "unknown signer": 1 } });
    expect(names(founder.roster)).toEqual([1, 2]);
  });

  it("refuses an admission without the consent of the admitted key", () => {
    const [founder, victim] = network(2) as [Host, Host];
    const forged = { ...host(8).keys, name: 8, consent: victim.roster.consent(8) };
    expect(() => founder.roster.admit(forged)).toThrowError(expect.objectContaining({ code: "ROSTER_BAD_INPUT" }));
  });

  it("refuses every message with a changed byte, and stays as it was", () => {
    const [founder, second] = network(2) as [Host, Host];
    const message = second.roster.admit(request(host(3)));
    const before = Buffer.from(founder.roster.encode());
    fc.assert(
      fc.property(fc.nat(message.length - 1), fc.integer({ min: 1, max: 255 }), (at, difference) => {
        const changed = message.map((byte, i) => (i === at ? byte ^ difference : byte));
        const { news, refused } = founder.roster.receive(changed);
        expect(news).toBeUndefined();
        expect(Object.keys(refused).length).toBeGreaterThan(0);
      }),
      { numRuns: 300 },
    );
    expect(Buffer.from(founder.roster.encode())).toEqual(before);
    expect(founder.roster.receive(message).news).toBeDefined();
  });

  it("answers any bytes with a result", () => {
    const [founder] = network(1) as [Host];
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 400 }),
      fc.uint8Array({ maxLength: 400 }).map((rest) => Uint8Array.of(1, 1, 0, 1, ...rest)),
      fc.uint8Array({ maxLength: 400 }).map((rest) => Uint8Array.of(1, 2, 0, 1, ...rest)),
    );
    fc.assert(
      fc.property(bytes, (message) => {
        expect(founder.roster.receive(message).news).toBeUndefined();
      }),
      { numRuns: 1000 },
    );
  });

  it("stores no more than its limit", () => {
    const [founder, second] = network(2, { limit: 5 }) as [Host, Host];
    for (let i = 0; i < 6; i++) second.roster.admit(request(host(10 + i)));
    const { refused } = founder.roster.receive(second.roster.encode());
    expect(founder.roster.size).toBe(5);
    expect(refused.full).toBe(3);
  });

  it("agrees after any exchange of any statements (merging is commutative, associative, and idempotent)", () => {
    const act = fc.record({ actor: fc.nat(4), target: fc.nat(4), revoke: fc.boolean(), upTo: fc.nat(3) });
    const exchange = fc.array(fc.tuple(fc.nat(4), fc.nat(4)), { maxLength: 12 });
    fc.assert(
      fc.property(fc.array(fc.tuple(act, exchange), { maxLength: 6 }), (history) => {
        const hosts = network(5);
        for (const [{ actor, target, revoke, upTo }, meetings] of history) {
          const [by, to] = [hosts[actor] as Host, hosts[target] as Host];
          try {
            if (revoke) by.roster.revoke(to.keys.signKey, "test", upTo);
            else by.roster.admit(request(to));
          } catch (error) {
            expect(error).toMatchObject({ code: "ROSTER_NOT_ALLOWED" });
          }
          for (const [a, b] of meetings) hosts[b]?.roster.receive((hosts[a] as Host).roster.encode());
        }
        spread(hosts);
        const [first, ...others] = hosts.map(({ roster }) => Buffer.from(roster.encode()).toString("hex"));
        for (const other of others) expect(other).toBe(first);
        const views = hosts.map(({ roster }) => [...roster.membership.members.keys()].sort());
        for (const [a, view] of views.entries())
          for (const [b, other] of views.entries())
            if (view.includes(keyText((hosts[b] as Host).keys.signKey)))
              expect(other, `hosts ${a} and ${b}`).toEqual(view);
      }),
      { numRuns: 15 },
    );
  });
});
