import { describe, expect, it } from "vitest";
import type { AllocatorOptions } from "../src/index.ts";
import { createCluster } from "./support/cluster.ts";

const start = (more: object) => createCluster(1).add(1, more as Partial<AllocatorOptions>);

describe("createAllocator", () => {
  it.each([
    ["127.0.0.0/8", "loopback"],
    ["127.1.0.0/16", "loopback"],
    ["224.0.0.0/4", "multicast"],
    ["239.1.0.0/16", "multicast"],
    ["0.0.0.0/8", "this network"],
    ["0.0.0.0/0", "this network"],
    ["169.254.0.0/16", "link-local"],
    ["240.0.0.0/4", "reserved"],
  ])("refuses the range %s, which is for %s", async (universe, use) => {
    await expect(start({ universe })).rejects.toMatchObject({
      code: "INVALID",
      message: expect.stringContaining(use),
    });
  });

  it.each([["h1"], [0], [-1], [1.5], [2 ** 48], [undefined]])("refuses the peer name %j", async (name) => {
    await expect(start({ name })).rejects.toMatchObject({ code: "INVALID" });
  });

  it.each([
    [{ kind: "majority" }],
    [{}],
    [{ kind: "seed", peers: [] }],
    [{ kind: "seed", peers: ["h1"] }],
    [{ kind: "consensus", peers: 0, guess: () => 1 }],
    [{ kind: "consensus" }],
  ])("refuses the init %j", async (init) => {
    await expect(start({ init })).rejects.toMatchObject({ code: "INVALID" });
  });
});
