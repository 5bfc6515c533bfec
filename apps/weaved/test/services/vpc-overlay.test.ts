import type { Overlay, OverlayLink } from "@weaved/gossip-mesh";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createVpcOverlay } from "../../src/services/vpc-overlay.ts";

const logger = { debug() {}, info() {}, warn: vi.fn(), error() {} };

/** A link to a peer that announces these overlays; notes whether it was established, or ended. */
function makeLink(overlays: string) {
  const events: string[] = [];
  const link: OverlayLink = {
    peer: { name: 2, nickname: "b", uid: 1n },
    connectionUid: 1n,
    outbound: true,
    local: { address: "172.31.1.11", port: 1 },
    remote: { address: "172.31.1.12", port: 2 },
    protection: "plaintext",
    remoteFeatures: { Overlays: overlays },
    sendControl() {},
    onEstablished: () => events.push("established"),
    onHeard() {},
    onError: (error) => events.push(error.message),
  };
  return { link, events };
}

/** A data path's overlay that notes what is asked of it. */
function makeBeside() {
  const events: string[] = [];
  const links: OverlayLink[] = [];
  const overlay: Overlay = {
    names: "vxlan sleeve",
    prepare(link) {
      links.push(link);
      return {
        confirm: () => events.push("confirm"),
        onControl: (tag) => events.push(`control ${tag}`),
        attributes: () => ({ name: "vxlan", mtu: 1376 }),
        stop: () => events.push("stop"),
      };
    },
  };
  return { overlay, events, links };
}

describe("the overlay of VPC mode", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("refuses a peer that is not in VPC mode", () => {
    const { overlay } = makeBeside();
    expect(() => createVpcOverlay(overlay, logger).prepare(makeLink("fastdp sleeve").link)).toThrow(/VPC mode/);
  });

  it("establishes at once, beside the original without a data path, beside ours with one", () => {
    for (const [theirs, carried] of [
      ["awsvpc", []],
      ["awsvpc vxlan sleeve", ["confirm"]],
    ] as const) {
      const beside = makeBeside();
      const { link, events } = makeLink(theirs);
      const connection = createVpcOverlay(beside.overlay, logger).prepare(link);
      connection.confirm();
      expect(events).toEqual(["established"]);
      expect(beside.events).toEqual(carried);
      expect(connection.attributes().name).toBe("awsvpc");
    }
  });

  it("keeps a connection whose data path does not pass, and tries again after a minute, until it is stopped", () => {
    const beside = makeBeside();
    const { link, events } = makeLink("awsvpc vxlan sleeve");
    const connection = createVpcOverlay(beside.overlay, logger).prepare(link);
    connection.confirm();
    beside.links[0]!.onError(new Error("no heartbeat"));
    expect(events).toEqual(["established"]);
    expect(logger.warn).toHaveBeenCalledWith(expect.stringContaining("no heartbeat"));
    vi.advanceTimersByTime(60_000);
    expect(beside.events).toEqual(["confirm", "stop", "confirm"]);
    beside.links[1]!.onError(new Error("no heartbeat"));
    connection.stop();
    vi.advanceTimersByTime(600_000);
    expect(beside.links).toHaveLength(2);
  });
});
