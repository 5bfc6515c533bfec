import { describe, expect, it } from "vitest";
import { joinRights, rightsOf } from "../../src/attachments/rights.ts";

describe("rightsOf", () => {
  it("reads nothing from a container without our labels", () => {
    expect(rightsOf({ app: "web" })).toEqual({});
  });
  it("reads sources and the right to serve DHCP", () => {
    expect(rightsOf({ "weave.allow-source": "192.168.7.0/24, 10.32.0.66/32", "weave.allow-dhcp": "" })).toEqual({
      allowSources: ["192.168.7.0/24", "10.32.0.66/32"],
      allowDhcp: true,
    });
    expect(rightsOf({ "weave.allow-dhcp": "false" })).toEqual({});
  });
  it.each([
    { "weave.allow-source": "192.168.7" },
    { "weave.allow-source": "10.0.0.0/33" },
    { "weave.allow-dhcp": "perhaps" },
  ])("refuses the label %j: a container must not start without a right that it relies on", (labels) => {
    expect(() => rightsOf(labels as Record<string, string>)).toThrow();
  });
});

describe("joinRights", () => {
  it("allows what either side allows", () => {
    const label = rightsOf({ "weave.allow-source": "192.168.7.0/24" });
    expect(joinRights(label, { allowSources: ["192.168.8.0/24", "192.168.7.0/24"], allowDhcp: true })).toEqual({
      allowSources: ["192.168.7.0/24", "192.168.8.0/24"],
      allowDhcp: true,
    });
  });
});
