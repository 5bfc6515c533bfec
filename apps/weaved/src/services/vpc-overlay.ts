import type { Overlay, OverlayConnection, OverlayLink } from "@weaved/gossip-mesh";
import type { Logger } from "../logging.ts";

/** After the data path gave a connection up, it tries again this much later. */
const retryMs = 60_000;

/**
 * The overlay of VPC mode. The VPC's own routers carry most frames, so a connection is established as soon as it is confirmed
 * (docs/protocol/vpc.md#15.1). Beside that, between two peers of ours, the data path carries what has no room in the route table;
 * where its packets do not pass, because a security group forbids UDP for instance, the connection stays.
 */
export function createVpcOverlay(beside: Overlay | undefined, logger: Logger): Overlay {
  return {
    names: ["awsvpc", beside?.names].filter(Boolean).join(" "),
    ...(beside?.features && { features: beside.features }),
    prepare(link) {
      const theirs = link.remoteFeatures.Overlays?.split(" ") ?? [];
      if (!theirs.includes("awsvpc"))
        throw new Error("no overlay in common: this peer is in VPC mode, the other one is not");
      // The original announces nothing else in this mode.
      const carried = beside && theirs.length > 1 ? keepTrying(beside, link, logger) : undefined;
      return {
        confirm() {
          carried?.confirm();
          link.onEstablished();
        },
        onControl: (tag, payload) => carried?.onControl(tag, payload),
        attributes: () => ({ ...carried?.attributes(), name: "awsvpc" }),
        stop: () => carried?.stop(),
      };
    },
  };
}

function keepTrying(overlay: Overlay, link: OverlayLink, logger: Logger): OverlayConnection {
  let timer: NodeJS.Timeout | undefined;
  const prepare = (): OverlayConnection =>
    overlay.prepare({
      ...link,
      onEstablished() {},
      onError(error) {
        logger.warn(`what has no VPC route cannot reach ${link.peer.nickname}: ${error.message}`);
        current.stop();
        timer = setTimeout(() => {
          current = prepare();
          current.confirm();
        }, retryMs).unref();
      },
    });
  let current = prepare();
  return {
    confirm: () => current.confirm(),
    onControl: (tag, payload) => current.onControl(tag, payload),
    attributes: () => current.attributes(),
    stop() {
      clearTimeout(timer);
      current.stop();
    },
  };
}
