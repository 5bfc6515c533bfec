import assert from "node:assert/strict";
import { fromHex, toHex, type VectorSuite } from "../../../../test/vectors/suite.ts";
import { peerNameFromMachineId } from "../../src/node/machine-name.ts";
import { formatPeerName, parsePeerName, peerNameFromBytes, peerNameToBytes } from "../../src/peer-name.ts";

/** Peer names, in all their forms. */
export const peerNameVectors: VectorSuite = {
  file: "peer-names.json",
  kinds: {
    parse({ input, hex, expected }) {
      if (expected.error !== undefined) {
        assert.throws(() => parsePeerName(input.text), { code: "MESH_PEER_NAME" });
        return;
      }
      const name = parsePeerName(input.text);
      assert.equal(toHex(peerNameToBytes(name)), hex);
      assert.equal(formatPeerName(name), expected.text);
    },
    "from-machine-id"({ input, hex, expected }) {
      const name = peerNameFromMachineId(fromHex(input.bytes));
      assert.equal(toHex(peerNameToBytes(name)), hex);
      assert.equal(formatPeerName(name), expected.text);
    },
    "from-bytes"({ hex, expected }) {
      assert.equal(formatPeerName(peerNameFromBytes(fromHex(hex))), expected.text);
    },
  },
};
