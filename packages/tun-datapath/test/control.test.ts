import { describe, expect, it } from "vitest";
import { commonOverlays, decodeControl, encodeControl } from "../src/control.ts";

describe("control messages", () => {
  it("reads back what it writes, and refuses less than two bytes", () => {
    const message = { index: 1, sub: 3, payload: Uint8Array.of(0xea, 0x52) };
    expect(encodeControl(message)).toEqual(Uint8Array.of(1, 3, 0xea, 0x52));
    expect(decodeControl(7, encodeControl(message))).toEqual(message);
    expect(decodeControl(7, Uint8Array.of(1))).toBeUndefined();
    expect(decodeControl(3, Uint8Array.of(5, 6))).toEqual({ index: 0, sub: 3, payload: Uint8Array.of(5, 6) });
  });

  it("counts indexes of overlays in the order of this host", () => {
    expect(commonOverlays(["vxlan", "sleeve-gso", "sleeve"], "fastdp sleeve")).toEqual(["sleeve"]);
    expect(commonOverlays(["vxlan", "sleeve-gso", "sleeve"], undefined)).toEqual([]);
  });
});
