import { describe, expect, it } from "vitest";
import { linkProtection } from "../../src/connection/protection.ts";
import type { MeshOptions, Overlay, OverlayLink } from "../../src/index.ts";
import { agree, createWorld } from "../support/world.ts";

describe("linkProtection", () => {
  const cases = [true, false].flatMap((hasKey) =>
    [true, false].flatMap((trustedByUs) =>
      [true, false].map((trustedByRemote) => ({ hasKey, trustedByUs, trustedByRemote })),
    ),
  );

  it.each(cases)("encrypts unless there is no key or both ends trust each other: %j", (facts) => {
    const bothTrust = facts.trustedByUs && facts.trustedByRemote;
    expect(linkProtection(facts)).toBe(!facts.hasKey ? "plaintext" : bothTrust ? "trusted" : "encrypted");
  });
});

describe("the protection of a link", () => {
  /** Keeps the links that it is asked to carry, and says what it is told to say of its own encryption. */
  const recorder = (links: OverlayLink[], attributes = {}): Overlay => ({
    names: "sleeve",
    prepare(link) {
      links.push(link);
      return { confirm: () => link.onEstablished(), onControl() {}, attributes: () => attributes, stop() {} };
    },
  });

  const connectTwo = async (a: Partial<MeshOptions>, b: Partial<MeshOptions>, attributes = {}) => {
    const world = createWorld();
    const links: OverlayLink[] = [];
    const meshes = [a, b].map((options, n) => world.start(n + 1, { overlay: recorder(links, attributes), ...options }));
    await meshes[0]!.connect([world.address(2)]);
    expect(world.clock.advanceUntil(() => agree(meshes), 10_000)).toBe(true);
    return { links, connections: meshes.map((mesh) => mesh.status().connections[0]!) };
  };

  const password = "wfvAwt7sj";
  const trustedSubnets = ["10.0.0.0/8"];

  it.each<[string, Partial<MeshOptions>, Partial<MeshOptions>, string]>([
    ["encrypted with a password", { password }, { password }, "encrypted"],
    ["plaintext without a password", {}, {}, "plaintext"],
    ["plaintext without a password, also in trusted subnets", { trustedSubnets }, { trustedSubnets }, "plaintext"],
    ["encrypted while only one end trusts the other", { password, trustedSubnets }, { password }, "encrypted"],
    ["trusted when both ends trust each other", { password, trustedSubnets }, { password, trustedSubnets }, "trusted"],
  ])("is %s, for the overlay and in the status of both ends", async (_title, a, b, protection) => {
    const { links, connections } = await connectTwo(a, b);
    expect(links.map((link) => link.protection)).toEqual([protection, protection]);
    expect(links.map((link) => link.sessionKey !== undefined)).toEqual(Array(2).fill(protection === "encrypted"));
    for (const connection of connections) {
      expect(connection).toMatchObject({ protection, encrypted: protection === "encrypted" });
    }
  });

  it("is shown as plaintext when the overlay says that it does not encrypt", async () => {
    const { connections } = await connectTwo({ password }, { password }, { encrypted: false });
    for (const connection of connections) {
      expect(connection).toMatchObject({ protection: "plaintext", encrypted: false });
    }
  });

  it.each(["", new Uint8Array()])("an empty password is refused instead of starting in plaintext: %j", (empty) => {
    expect(() => createWorld().start(1, { password: empty })).toThrow(/password is empty; leave it out/);
  });
});
