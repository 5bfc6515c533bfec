import type { Overlay, OverlayLink } from "../types.ts";

/** An overlay that carries no frames: connections are established as soon as both ends are confirmed to it. */
export interface FakeOverlay extends Overlay {
  /** Links prepared and not stopped. Bounded by: connections. */
  readonly links: ReadonlySet<OverlayLink>;
  /** Fails every link, as a path that goes silent would. */
  fail(reason: string): void;
}

/** An overlay in memory for tests of a mesh: needs no root, no network. */
export function createFakeOverlay(names = "sleeve"): FakeOverlay {
  const links = new Set<OverlayLink>();
  return {
    names,
    links,
    fail(reason) {
      for (const link of [...links]) link.onError(new Error(reason));
    },
    prepare(link) {
      links.add(link);
      return {
        confirm: () => link.onEstablished(),
        onControl() {},
        attributes: () => ({ name: "sleeve", mtu: 65_535 }),
        stop: () => void links.delete(link),
      };
    },
  };
}
