import { strict as assert } from "node:assert";
import { fromHex, toHex, type VectorSuite } from "../../../../test/vectors/suite.ts";
import { decodeInitSa, deriveSaKey, encodeInitSa } from "../../../sleeve-crypto/src/fastdp.ts";
import { encodeFastdpHeartbeat, tunnelId } from "../../src/special.ts";

export const fastdpVectors: VectorSuite = {
  file: "fastdp.json",
  kinds: {
    "tunnel-id"({ input, hex, expected }) {
      const id = tunnelId(input.srcShortID, input.dstShortID);
      assert.equal(id, expected.vni);
      assert.equal(id.toString(16).padStart(16, "0"), hex);
    },
    heartbeat({ input, hex }) {
      assert.equal(toHex(encodeFastdpHeartbeat(BigInt(input.connUID), input.mtu)), hex);
    },
    "sa-key"({ input, hex }) {
      const receiver = Number.parseInt(input.receiver.replaceAll(":", ""), 16);
      const { key, salt } = deriveSaKey({
        sessionKey: fromHex(input.sessionKey),
        nonce: fromHex(input.nonce),
        receiver,
      });
      assert.equal(toHex(key) + toHex(salt), hex);
    },
    "init-sa"({ input, hex }) {
      assert.equal(toHex(encodeInitSa({ nonce: fromHex(input.nonce), spi: input.spi })), hex);
      assert.equal(decodeInitSa(fromHex(hex))?.spi, input.spi);
    },
  },
};
