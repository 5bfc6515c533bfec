import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatPeerName, parsePeerName, peerNameFromBytes, peerNameToBytes } from "../src/index.ts";

describe("peer names", () => {
  it("survive text and bytes", () => {
    fc.assert(
      fc.property(
        fc.maxSafeNat().map((n) => n % 2 ** 48),
        (name) => {
          expect(parsePeerName(formatPeerName(name))).toBe(name);
          expect(peerNameFromBytes(peerNameToBytes(name))).toBe(name);
        },
      ),
    );
  });

  it.each(["", "::", "1:2:3:4:5", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:g", "::1:2:3:4:5", "1:2:3:4:5:6 "])(
    "refuses %j",
    (text) => {
      expect(() => parsePeerName(text)).toThrow(expect.objectContaining({ code: "MESH_PEER_NAME" }));
    },
  );
});
