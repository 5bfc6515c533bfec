import type { ServiceRule } from "@weaved/host-links";
import { createMemoryStore } from "@weaved/state-store/testing";
import { beforeEach, describe, expect, it } from "vitest";
import { createExposures, type Exposures } from "../../src/attachments/exposures.ts";

/** A kernel that keeps addresses and rules, and refuses rules for port 81. */
let onBridge: Set<string>;
let rules: readonly ServiceRule[];
/** What was on the bridge each time its listeners were told. */
let told: string[];
let exposures: Exposures;
const store = createMemoryStore();

beforeEach(async () => {
  onBridge = new Set();
  rules = [];
  told = [];
  await store.clear();
  exposures = createExposures({
    links: {
      ensureBridge: async ({ addresses }) => {
        for (const address of addresses ?? []) onBridge.add(address);
      },
      removeBridgeAddresses: async (_, addresses) => {
        for (const address of addresses) onBridge.delete(address);
      },
      setFirewall: async ({ services }) => {
        if (services?.some(({ port }) => port === 81)) throw new Error("the kernel refuses the rule");
        rules = services ?? [];
      },
    },
    bridge: { name: "weave" } as never,
    firewall: () => ({ bridge: "weave" }),
    ipam: undefined,
    dns: undefined,
    store,
    onAddresses: async () => void told.push([...onBridge].join(" ")),
  });
});

const expose = (...addresses: string[]) => exposures.expose({ addresses, masquerade: true });

describe("Exposures", () => {
  it("has listeners take up a new address before a caller learns it", async () => {
    await expose("10.2.1.1/24");
    expect(told.at(-1)).toBe("10.2.1.1/24");
  });

  it("hides exactly the named address, not one that begins with it", async () => {
    await expose("10.2.1.1/24", "10.2.1.12/24");
    await exposures.hide(["10.2.1.12/24"]);
    expect([...onBridge]).toEqual(["10.2.1.1/24"]);
    await expect(exposures.hide(["10.2.1.1/25"])).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  it("has nothing to do and says nothing when plain hide finds nothing", async () => {
    expect(await exposures.hide([])).toEqual([]);
  });

  it("keeps the others of a subnet when one is hidden", async () => {
    await expose("10.2.1.1/24", "10.2.1.2/24", "10.3.0.1/24");
    await exposures.hide(["10.2.1.1/24"]);
    expect([...onBridge].sort()).toEqual(["10.2.1.2/24", "10.3.0.1/24"]);
  });

  it("hides the addresses of a subnet, and refuses what is not an address", async () => {
    await expose("10.2.1.1/24", "10.3.0.1/24");
    await exposures.hide(["net:10.3.0.0/24"]);
    expect([...onBridge]).toEqual(["10.2.1.1/24"]);
    await expect(exposures.hide(["10.2.1.999/24"])).rejects.toMatchObject({ code: "REQUEST_INVALID" });
  });

  it("takes later service rules after one that the host refused", async () => {
    await exposures.add({ kind: "export", listen: "80", target: "10.32.0.1:80" });
    await expect(exposures.add({ kind: "export", listen: "81", target: "10.32.0.1:80" })).rejects.toThrow("refuses");
    await exposures.add({ kind: "export", listen: "82", target: "10.32.0.1:80" });
    expect(rules.map(({ port }) => port)).toEqual([80, 82]);
    expect((await exposures.list()).map(({ name }) => name)).toEqual(["export-80-tcp", "export-82-tcp"]);
  });

  it.each([
    ["0", "10.32.0.1:80"],
    ["65536", "10.32.0.1:80"],
    ["999.1.1.1:80", "10.32.0.1:80"],
    ["80", "10.32.0.1"],
    ["80", "10.32.0.1:0"],
    ["80", "10.32.0.256:80"],
  ])("refuses a service rule from %s to %s before anything is changed", async (listen, target) => {
    await expect(exposures.add({ kind: "export", listen, target })).rejects.toMatchObject({ code: "REQUEST_INVALID" });
  });
});
