import { describe, expect, it } from "vitest";
import { SleeveLink, type SleevePort } from "../src/sleeve-link.ts";
import { encodeHeartbeat } from "../src/special.ts";

const UID = 0x1122334455667788n;
const FROM = { address: 0x0a630002, port: 6783 };

function makeLink(dialled: boolean): { link: SleeveLink; log: string[] } {
  const log: string[] = [];
  const port: SleevePort = {
    sendSpecial: (length, mode) => log.push(`send ${length} ${mode}`),
    sendControl: (sub, payload) => log.push(`control ${sub} ${Buffer.from(payload).toString("hex")}`),
    onEstablished: () => log.push("established"),
    onHeard: (silentMs) => log.push(`heard after ${silentMs}`),
    onLost: (reason) => log.push(`lost: ${reason}`),
  };
  const options = { uid: UID, isEncrypted: false };
  return { link: new SleeveLink(dialled ? { ...options, remote: FROM } : options, port), log };
}
const beat = encodeHeartbeat(UID);

describe("SleeveLink", () => {
  it("sends heartbeats at once when it dialled, then each half second until they are acknowledged", () => {
    const { link, log } = makeLink(true);
    link.confirm(0);
    link.tick(499);
    link.tick(500);
    expect(log).toEqual(["send 22 df", "send 22 df"]);
    log.length = 0;
    link.control(1, new Uint8Array(0), 600);
    expect(log).toEqual(["send 60001 non-df", "send 60000 df", "established"]);
    expect(link.nextMs).toBe(10_600);
  });

  it("is silent on the accepting side until it learns the address, then answers the first heartbeat", () => {
    const { link, log } = makeLink(false);
    link.confirm(0);
    expect(link.sendable).toBe(false);
    link.special(beat, 0, beat.length, FROM, 100);
    expect(log).toEqual(["send 22 df", "control 1 "]);
    link.special(beat, 0, beat.length, { ...FROM, port: 7000 }, 200);
    expect(link.remotePort).toBe(7000);
    expect(log).toHaveLength(2);
  });

  it("ignores heartbeats of another connection", () => {
    const { link, log } = makeLink(false);
    link.confirm(0);
    const other = encodeHeartbeat(1n);
    link.special(other, 0, other.length, FROM, 100);
    expect(log).toEqual([]);
  });

  it("is lost for good after a minute of silence", () => {
    const { link, log } = makeLink(true);
    link.confirm(0);
    link.special(beat, 0, beat.length, FROM, 30_000);
    link.tick(89_999);
    expect(link.lost).toBe(false);
    link.tick(90_000);
    expect(log.at(-1)).toBe("lost: no heartbeat for 60 s");
    link.control(1, new Uint8Array(0), 90_001);
    expect(link.established).toBe(false);
  });

  it("acknowledges fragmentation tests when all bytes are zero, and every MTU probe", () => {
    const { link, log } = makeLink(true);
    const test = new Uint8Array(60_001);
    link.special(test, 0, test.length, FROM, 0);
    test[50_000] = 1;
    link.special(test, 0, test.length, FROM, 0);
    link.special(test, 0, 60_000, FROM, 0);
    expect(log).toEqual(["control 2 ", "control 3 ea52"]);
  });

  it("works out its MTU: 62 bytes below what the kernel says, once the probe is answered", () => {
    const { link, log } = makeLink(true);
    link.confirm(0);
    link.control(1, new Uint8Array(0), 10);
    link.tooBig(1_500, 11);
    expect(log.at(-1)).toBe("send 1452 df");
    link.control(3, Uint8Array.of(1438 >> 8, 1438 & 255), 12);
    expect(link.mtu).toBe(1_438);
    expect(link.maxPayload).toBe(1_472);
  });
});
