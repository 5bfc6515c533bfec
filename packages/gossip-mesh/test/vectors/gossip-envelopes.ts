import assert from "node:assert/strict";
import { fromHex, toHex, type VectorCheck, type VectorSuite } from "../../../../test/vectors/suite.ts";
import { parsePeerName } from "../../src/peer-name.ts";
import { decodeEnvelope, type Envelope, encodeEnvelope, Tag } from "../../src/wire/envelope.ts";

/** Both directions: exact bytes out, exact values in. */
function check(tag: Envelope["tag"]): VectorCheck {
  return ({ input, hex }) => {
    const envelope: Envelope = {
      tag,
      channel: input.channel,
      source: parsePeerName(input.src ?? input.self),
      destination: input.dst === undefined ? 0 : parsePeerName(input.dst),
      payload: fromHex(input.payload),
    };
    assert.equal(toHex(encodeEnvelope(envelope)), hex);
    const bytes = fromHex(hex);
    assert.equal(bytes[0], tag);
    assert.deepEqual(decodeEnvelope(tag, bytes.subarray(1)), envelope);
  };
}

/** Protocol messages that carry gossip. */
export const gossipEnvelopeVectors: VectorSuite = {
  file: "gossip-envelopes.json",
  kinds: { gossip: check(Tag.gossip), unicast: check(Tag.unicast), broadcast: check(Tag.broadcast) },
};
