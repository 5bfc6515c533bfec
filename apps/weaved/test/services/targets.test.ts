import { createMemoryStore } from "@weaved/state-store/testing";
import { describe, expect, it } from "vitest";
import { readSettings } from "../../src/config/settings.ts";
import { initialTargets, saveNamed } from "../../src/services/targets.ts";

const settings = (peers: readonly string[], ...argv: string[]) =>
  readSettings({
    argv: ["--config=f", "--db-prefix=/nonexistent/weave", ...argv],
    env: {},
    readFile: () => `peers: ${JSON.stringify(peers)}`,
  });

describe("the targets of a start with --resume", () => {
  it("are those of the configuration file at the first start", async () => {
    expect(await initialTargets(settings(["a"], "--resume"), createMemoryStore())).toEqual(["a"]);
  });

  it("keep a peer of weave connect over a reboot, and follow the configuration file", async () => {
    const store = createMemoryStore();
    await store.save("targets", ["a", "b", "connected"]);
    await saveNamed(settings(["a", "b"]), store);
    expect(await initialTargets(settings(["a", "c"], "--resume"), store)).toEqual(["a", "connected", "c"]);
  });

  it("do not bring back a peer that weave forget removed", async () => {
    const store = createMemoryStore();
    await store.save("targets", ["a"]);
    await saveNamed(settings(["a", "forgotten"]), store);
    expect(await initialTargets(settings(["a", "forgotten"], "--resume"), store)).toEqual(["a"]);
  });

  it("cannot be combined with peers on the command line", () => {
    expect(() => settings([], "--resume", "host2")).toThrow(/--resume .* cannot be combined with a list of peers/);
  });
});
