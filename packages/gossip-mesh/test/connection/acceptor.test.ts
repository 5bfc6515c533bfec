import { createVirtualClock } from "@weaved/sim";
import { describe, expect, it } from "vitest";
import { Acceptor, type Handshaking } from "../../src/connection/acceptor.ts";
import { MeshError } from "../../src/errors.ts";

const MEMBER = "10.0.0.1";

/** An acceptor, and a way to open connections to it that notes which of them had to make way. */
function createDoor() {
  const clock = createVirtualClock();
  const acceptor = new Acceptor(clock);
  const ended: string[] = [];
  let opened = 0;
  const open = (host: string): Handshaking | MeshError => {
    const label = `${host}#${opened++}`;
    return acceptor.admit(host, () => void ended.push(label));
  };
  const admitted = (host: string): Handshaking => {
    const result = open(host);
    if (result instanceof MeshError) throw result;
    return result;
  };
  return { clock, acceptor, ended, open, admitted };
}

describe("Acceptor", () => {
  it("gives strangers 10 s, and hosts that have had a member on them 30 s", () => {
    const { acceptor, admitted } = createDoor();
    acceptor.remember(MEMBER);
    expect(admitted("10.9.9.9").timeoutMs).toBe(10_000);
    expect(admitted(MEMBER).timeoutMs).toBe(30_000);
  });

  it("ends the oldest handshake of a host that opens a 65th", () => {
    const { clock, ended, admitted } = createDoor();
    for (let i = 0; i < 64; i++) admitted("10.9.9.9");
    clock.advance(1_000);
    admitted("10.9.9.9");
    expect(ended).toEqual(["10.9.9.9#0"]);
  });

  it("makes room for a host with one connection at the cost of the host with the most", () => {
    const { clock, ended, admitted } = createDoor();
    admitted("10.1.1.1");
    for (let i = 0; i < 191; i++) {
      admitted(`10.9.9.${i % 4}`);
      clock.advance(10);
    }
    expect(ended).toEqual([]);
    admitted("10.2.2.2");
    expect(ended).toHaveLength(1);
    expect(ended[0]).toMatch(/^10\.9\.9\./);
  });

  it("refuses a host that opens connections faster than a hundred a second", () => {
    const { clock, open } = createDoor();
    const results = Array.from({ length: 1000 }, () => open("10.9.9.9"));
    expect(results.filter((result) => result instanceof MeshError)).toHaveLength(1000 - 64);
    clock.advance(1_000);
    expect(open("10.9.9.9")).not.toBeInstanceOf(MeshError);
  });

  it("lets a quiet host in while busy ones use up the rate of all strangers", () => {
    const { clock, open, admitted } = createDoor();
    for (let i = 0; i < 5_000; i++) {
      open(`10.9.9.${i % 10}`);
      if (i % 2 === 0) clock.advance(1);
    }
    for (let i = 0; i < 30; i++) admitted(`10.1.1.${i}`);
  });

  it("lets members in while strangers from many hosts use up everything else", () => {
    const { clock, acceptor, open, admitted } = createDoor();
    acceptor.remember(MEMBER);
    for (let i = 0; i < 5_000; i++) {
      open(`10.9.${i % 250}.${i % 249}`);
      if (i % 10 === 0) clock.advance(1);
    }
    admitted(MEMBER);
  });

  it("ends the handshake that keeps most when all together keep more than 4 MiB", () => {
    const { acceptor, ended, admitted } = createDoor();
    const handshakes = Array.from({ length: 20 }, (_, i) => admitted(`10.9.9.${i}`));
    for (const [i, handshake] of handshakes.entries()) acceptor.keeps(handshake, i === 7 ? 256_000 : 200_000);
    expect(ended).toEqual([]);
    acceptor.keeps(handshakes[0]!, 400_000);
    expect(ended).toEqual(["10.9.9.0#0"]);
    // What it kept is free again.
    acceptor.keeps(handshakes[1]!, 400_000);
    expect(ended).toEqual(["10.9.9.0#0"]);
  });

  it("forgets hosts that have been quiet instead of growing with every address that ever dialled", () => {
    const { clock, acceptor, admitted } = createDoor();
    for (let i = 0; i < 10_000; i++) {
      acceptor.done(admitted(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`));
      clock.advance(10);
    }
    expect(acceptor.hosts).toBeLessThanOrEqual(4_096);
  });
});
