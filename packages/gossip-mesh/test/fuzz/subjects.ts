/** Every decoder of bytes or text that others send, each with recordings to begin with. */
import { tweetnaclProvider } from "@weaved/sleeve-crypto";
import { parseTarget, subnetTest } from "../../src/dial/address.ts";
import { parsePeerName, peerNameFromBytes } from "../../src/index.ts";
import { decodeSync, encodeGive, encodeRecordUpdate, encodeSync, encodeUpdate } from "../../src/sync/sync-messages.ts";
import { decodeRecords, encodeRecord, joinRecords } from "../../src/topology/payload.ts";
import { decodeEnvelope, encodeEnvelope } from "../../src/wire/envelope.ts";
import { makeFeatures, parseFeatures } from "../../src/wire/features.ts";
import { Handshake } from "../../src/wire/handshake.ts";

const record = {
  ...{ name: 2, nickname: "two", uid: 77n, version: 9n, shortId: 4, hasShortId: true },
  links: [{ to: 3, address: "10.0.0.3:6783", outbound: true, established: true }],
};
const version = { name: 2, uid: 77n, version: 9n };
const features = makeFeatures({
  name: 1,
  nickname: "n",
  uid: 1n,
  shortId: 1,
  connectionId: 5n,
  trusted: false,
  extra: {},
});
/** The receiver of a recording has the keys that it was made for: else nothing sealed in it would open. Wiped after use. */
const pair = tweetnaclProvider.generateKeyPair();
const fresh = () => ({ publicKey: pair.publicKey.slice(), secretKey: pair.secretKey.slice() });
const text = (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1");

function recordHandshake(maxVersion: number, password?: Uint8Array): Uint8Array {
  const written: Uint8Array[] = [];
  const options = { outbound: true, minVersion: 1, maxVersion, features, password, crypto: tweetnaclProvider };
  const a = new Handshake(options, (bytes) => written.push(bytes));
  const b = new Handshake({ ...options, outbound: false, keyPair: fresh() }, (bytes) => a.push(bytes));
  for (let i = 0; i < 4; i++) {
    a.advance();
    for (const bytes of written.slice(i === 0 ? 0 : written.length)) b.push(bytes);
    try {
      b.advance();
    } catch {}
  }
  return Buffer.concat(written);
}

/** A decoder. */
export interface Subject {
  readonly name: string;
  readonly seeds: readonly Uint8Array[];
  run(bytes: Uint8Array): void;
}

const hello = { minVersion: 1, maxVersion: 2, features, crypto: tweetnaclProvider };
const envelope = { channel: "topology", source: 1, destination: 2, payload: Uint8Array.of(1, 2) };

/** What a peer does with a stream from its first byte on. */
function receive(handshake: Handshake, bytes: Uint8Array): void {
  handshake.push(bytes);
  if (!handshake.advance()) return;
  parseFeatures(handshake.session!.remoteFeatures);
  while (handshake.next());
}

export const subjects: readonly Subject[] = [
  {
    name: "topology",
    seeds: [joinRecords([encodeRecord(record), encodeRecord({ ...record, name: 5 })])],
    run: (b) => void decodeRecords(b),
  },
  {
    name: "topology, known",
    seeds: [joinRecords([encodeRecord(record), encodeRecord({ ...record, name: 5 })])],
    run: (b) => void decodeRecords(b, ({ version }) => version > 100n),
  },
  {
    name: "unicast",
    seeds: [encodeEnvelope({ ...envelope, tag: 5 }).slice(1)],
    run: (b) => void decodeEnvelope(5, b),
  },
  {
    name: "gossip",
    seeds: [encodeEnvelope({ ...envelope, tag: 4 }).slice(1)],
    run: (b) => void decodeEnvelope(4, b),
  },
  {
    name: "sync",
    seeds: [
      encodeSync({ kind: "have", versions: [version, version], complete: true }),
      encodeGive([
        encodeRecordUpdate(record),
        encodeUpdate({ ...record, base: 3n, changed: record.links, removed: [4] }),
      ]),
    ],
    run: (b) => void decodeSync(b),
  },
  {
    name: "handshake",
    seeds: [recordHandshake(2), recordHandshake(1)],
    run: (b) => receive(new Handshake({ ...hello, outbound: false }, () => {}), b),
  },
  {
    name: "handshake with a password",
    seeds: [recordHandshake(2, Uint8Array.of(1)), recordHandshake(1, Uint8Array.of(1))],
    run: (b) =>
      receive(new Handshake({ ...hello, outbound: false, password: Uint8Array.of(1), keyPair: fresh() }, () => {}), b),
  },
  { name: "peer name in bytes", seeds: [Buffer.from("123456")], run: (b) => void peerNameFromBytes(b) },
  { name: "subnet", seeds: [Buffer.from("10.32.0.0/12")], run: (b) => void subnetTest([text(b)])("10.40.0.1") },
  { name: "peer name", seeds: [Buffer.from("12:34::56")], run: (b) => void parsePeerName(text(b)) },
  { name: "target", seeds: [Buffer.from("host:6783")], run: (b) => void parseTarget(text(b)) },
  {
    name: "features",
    seeds: [Buffer.from("18446744073709551616")],
    run: (b) => void parseFeatures({ ...features, UID: text(b), Trusted: text(b) }),
  },
];
