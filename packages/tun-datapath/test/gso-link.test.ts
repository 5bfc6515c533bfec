import { describe, expect, it } from "vitest";
import { GSO_HEARTBEAT_BYTES, GsoLink } from "../src/gso-link.ts";

const AT = { address: 0x0a630002, port: 6783 };
const UID = 0x1122334455667788n;

/** Two ends of a path of which tests decide what passes. */
function makePath(passes: (bytes: number) => boolean) {
  const path = { isCut: false, bytes: 0, heard: [] as number[], usable: [] as boolean[], now: 0 };
  const make = (other: () => GsoLink, isOurs: boolean): GsoLink =>
    new GsoLink(
      { uid: UID, remote: AT },
      {
        sendInternal(head, length) {
          if (isOurs) path.bytes += length;
          if (path.isCut || !passes(length)) return;
          const frame = new Uint8Array(Math.max(length, GSO_HEARTBEAT_BYTES));
          frame.set(head);
          other().internal(frame, 0, frame.length, AT, path.now);
        },
        pathMtu: () => 1_500,
        onUsable: (usable) => void (isOurs && path.usable.push(usable)),
        onHeard: (silentMs) => void (isOurs && path.heard.push(silentMs)),
      },
    );
  const ours: GsoLink = make(() => theirs, true);
  const theirs: GsoLink = make(() => ours, false);
  const run = (ms: number): void => {
    for (const end = path.now + ms; path.now < end; path.now += 50)
      for (const link of [ours, theirs]) link.tick(path.now);
  };
  for (const link of [theirs, ours]) link.confirm(0);
  return { path, ours, run };
}

describe("GsoLink", () => {
  it("is in use as soon as a large frame has made the round trip, and asks every ten seconds then", () => {
    const { path, ours, run } = makePath(() => true);
    expect(path.usable).toEqual([true]);
    run(60_000);
    expect(path.usable).toEqual([true]);
    // Questions and answers of full size, each ten seconds.
    expect(path.bytes).toBeLessThan(2 * 60_000 + 14 * 1_500);
    expect(ours.loss).toBeLessThan(0.2);
  });

  it("sends less than a megabyte in a minute over a path that loses every large frame", () => {
    const { path, run } = makePath((bytes) => bytes < 2_000);
    run(60_000);
    expect(path.usable).toEqual([]);
    expect(path.bytes).toBeLessThan(1_000_000);
  });

  it("sends no second large frame over a path that loses everything", () => {
    const { path, run } = makePath(() => false);
    run(60_000);
    expect(path.bytes).toBeLessThan(60_000 + 121 * 1_500);
  });

  it("goes on hold within five seconds of a question that stays unanswered, never for a single lost one", () => {
    let lost = 0;
    const { path, run } = makePath(() => lost-- <= 0);
    run(8_000);
    lost = 1;
    run(12_000);
    expect(path.usable).toEqual([true]);
    path.isCut = true;
    run(15_000);
    expect(path.usable).toEqual([true, false]);
  });

  it.each([15_000, 20_000, 45_000])(
    "says within a second that a path is back after a cut of %i ms, and uses it again",
    (ms) => {
      const { path, run } = makePath(() => true);
      run(5_000);
      path.isCut = true;
      run(ms);
      path.isCut = false;
      run(1_000);
      expect(path.heard).toHaveLength(1);
      expect(path.heard[0]).toBeGreaterThan(ms - 11_000);
      expect(path.usable).toEqual([true, false, true]);
    },
  );

  it("notices a short cut when it is asked to probe", () => {
    const { path, ours, run } = makePath(() => true);
    run(5_000);
    path.isCut = true;
    ours.probe(path.now);
    run(3_000);
    path.isCut = false;
    run(1_000);
    expect(path.heard).toHaveLength(1);
  });

  it("asks at most twice a second, however often it is asked to probe", () => {
    const { path, ours, run } = makePath(() => true);
    run(5_000);
    const before = path.bytes;
    for (let i = 0; i < 100; i++) {
      ours.probe(path.now);
      run(50);
    }
    expect(path.bytes - before).toBeLessThan(12 * 1_500);
  });
});
