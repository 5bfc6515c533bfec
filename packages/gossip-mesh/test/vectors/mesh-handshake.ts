import assert from "node:assert/strict";
import {
  type KeyPair,
  makeNonce,
  StreamOpener,
  StreamSealer,
  sessionKey,
  tweetnaclProvider,
} from "@weaved/sleeve-crypto";
import { fromHex, toHex, type VectorSuite } from "../../../../test/vectors/suite.ts";
import { MeshError } from "../../src/errors.ts";
import { ByteQueue } from "../../src/wire/byte-queue.ts";
import { encodeFrame, takeFrame } from "../../src/wire/frame.ts";
import { Handshake } from "../../src/wire/handshake.ts";

interface JsonSide {
  readonly features: Record<string, string>;
  readonly minVersion: number;
  readonly maxVersion: number;
  readonly outbound: boolean;
  readonly password?: string;
  readonly privateKey?: string;
  readonly publicKey?: string;
}

const crypto = tweetnaclProvider;

/** One side of the real code, writing into a list. */
function side(json: JsonSide) {
  const written: Uint8Array[] = [];
  const keyPair: KeyPair | undefined = json.privateKey
    ? { secretKey: fromHex(json.privateKey), publicKey: fromHex(json.publicKey!) }
    : undefined;
  const password = json.password === undefined ? undefined : new TextEncoder().encode(json.password);
  const handshake = new Handshake({ ...json, password, crypto, ...(keyPair && { keyPair }) }, (bytes) =>
    written.push(bytes),
  );
  return { handshake, written, hex: () => written.map(toHex).join("") };
}
type Side = ReturnType<typeof side>;

/** Carries bytes between two sides until both are done; what one throws is its outcome. */
function run(a: Side, b: Side): { a?: MeshError; b?: MeshError } {
  const outcome: { a?: MeshError; b?: MeshError } = {};
  const sent = { a: 0, b: 0 };
  const step = (from: Side, to: Side, key: "a" | "b", other: "a" | "b"): boolean => {
    if (outcome[other] || sent[key] === from.written.length) return false;
    while (sent[key] < from.written.length) to.handshake.push(from.written[sent[key]++]!);
    try {
      to.handshake.advance();
    } catch (error) {
      assert.ok(error instanceof MeshError);
      outcome[other] = error;
    }
    return true;
  };
  let moved = true;
  while (moved) {
    moved = step(a, b, "a", "b");
    moved = step(b, a, "b", "a") || moved;
  }
  return outcome;
}

/** One hex is the beginning of the other: the recording's pipe cuts a side off where the other failed. */
function agree(ours: string, theirs: string): void {
  const common = Math.min(ours.length, theirs.length);
  assert.equal(ours.slice(0, common), theirs.slice(0, common));
}

/** What one side makes of a recorded stream: the remote's features, then messages. */
function replay(own: JsonSide, recorded: string) {
  const receiver = side(own);
  receiver.handshake.push(fromHex(recorded));
  assert.ok(receiver.handshake.advance(), "the recording ends before the features");
  const messages: string[] = [];
  for (let message = receiver.handshake.next(); message; message = receiver.handshake.next())
    messages.push(toHex(message));
  return { session: receiver.handshake.session!, messages };
}

/** TCP connection set-up. */
export const meshHandshakeVectors: VectorSuite = {
  file: "mesh-handshake.json",
  kinds: {
    "session-key"({ input, hex, expected }) {
      const secretKey = fromHex(input.localPrivate);
      const remotePublicKey = fromHex(input.remotePublic);
      if (expected?.boxPrecompute)
        assert.equal(toHex(crypto.precompute(secretKey, remotePublicKey)!), expected.boxPrecompute);
      assert.equal(toHex(sessionKey(crypto, { secretKey, remotePublicKey, password: input.password })), hex);
    },
    nonce({ input, hex }) {
      const nonce = makeNonce({ medium: "tcp", senderOutbound: input.senderOutbound, counter: BigInt(input.seq) });
      assert.equal(toHex(nonce), hex);
    },
    frame({ input, hex }) {
      const options = {
        key: fromHex(input.key),
        senderOutbound: input.senderOutbound,
        firstCounter: Number(input.firstSeq),
      };
      const sealer = new StreamSealer(crypto, options);
      const opener = new StreamOpener(crypto, options);
      const queue = new ByteQueue();
      queue.push(fromHex(hex));
      let bytes = "";
      (input.messages as string[]).forEach((message, index) => {
        bytes += toHex(encodeFrame(sealer.seal(fromHex(message))));
        if (input.endOffsets) assert.equal(bytes.length / 2, input.endOffsets[index]);
        assert.equal(toHex(opener.open(takeFrame(queue)!)!), message);
      });
      assert.equal(bytes, hex);
      assert.equal(queue.length, 0);
    },
    "plain-frame"({ input, hex }) {
      const messages = input.messages as string[];
      assert.equal(messages.map((message) => toHex(encodeFrame(fromHex(message)))).join(""), hex);
      const queue = new ByteQueue();
      queue.push(fromHex(hex));
      assert.deepEqual(
        messages.map(() => toHex(takeFrame(queue)!)),
        messages,
      );
    },
    transcript({ input, hex, order, expected }) {
      const a = side(input.a);
      const b = side(input.b);
      assert.deepEqual(run(a, b), {});
      for (const message of input.messagesFromA ?? []) a.written.push(a.handshake.encode(fromHex(message)));
      for (const message of input.messagesFromB ?? []) b.written.push(b.handshake.encode(fromHex(message)));
      if (order !== "any") {
        assert.equal(a.hex(), hex);
        assert.equal(b.hex(), expected.hexReverse);
      } else {
        assert.equal(a.hex().length, hex.length);
        assert.equal(b.hex().length, expected.hexReverse.length);
      }
      // What the original wrote must be understood by us, in either role, and say the same.
      const atB = replay(input.b, hex);
      const atA = replay(input.a, expected.hexReverse);
      assert.deepEqual(atB.session.remoteFeatures, expected.featuresSeenByB);
      assert.deepEqual(atA.session.remoteFeatures, expected.featuresSeenByA);
      assert.deepEqual(a.handshake.session!.remoteFeatures, expected.featuresSeenByA);
      assert.deepEqual(b.handshake.session!.remoteFeatures, expected.featuresSeenByB);
      assert.deepEqual(atB.messages, input.messagesFromA ?? []);
      assert.deepEqual(atA.messages, input.messagesFromB ?? []);
      for (const { session } of [atA, atB, a.handshake, b.handshake]) {
        assert.equal(session!.version, expected.version);
        assert.equal(session!.key && toHex(session!.key), expected.sessionKey);
      }
    },
    "transcript-error"({ input, hex, expected }) {
      const a = side(input.a);
      const b = side(input.b);
      const outcome = run(a, b);
      assert.ok(outcome.a ?? outcome.b, "neither side failed");
      agree(a.hex(), hex);
      agree(b.hex(), expected.hexReverse ?? "");
      // An end of stream at one side is the other's failure; a failure of its own must be ours too.
      const artefact = /EOF|closed pipe/;
      if (expected.errorAtA && !artefact.test(expected.errorAtA)) assert.ok(outcome.a, "side a did not fail");
      if (expected.errorAtB && !artefact.test(expected.errorAtB)) assert.ok(outcome.b, "side b did not fail");
    },
    "header-error"({ input, hex }) {
      const { handshake } = side({ features: {}, outbound: false, ...input });
      handshake.push(fromHex(hex));
      try {
        if (handshake.advance()) while (handshake.next());
      } catch (error) {
        assert.ok(error instanceof MeshError);
        return;
      }
      // Nothing follows: a stream that ends here was no connection.
      assert.equal(handshake.session, undefined);
    },
  },
};
