/** What every decoder does with any bytes: a value, or a MeshError. Inputs are recordings, bent at random from a seed. */
import { seededRandom } from "@weaved/sim";
import { tweetnaclProvider } from "@weaved/sleeve-crypto";
import { parseTarget } from "../src/connect/address.ts";
import { decodeSync, encodeGive, encodeRecordUpdate, encodeSync, encodeUpdate } from "../src/gossip/sync-messages.ts";
import { MeshError, parsePeerName } from "../src/index.ts";
import { decodeRecords, encodeRecord, joinRecords } from "../src/topology/payload.ts";
import { decodeEnvelope, encodeEnvelope } from "../src/wire/envelope.ts";
import { makeFeatures, parseFeatures } from "../src/wire/features.ts";
import { Handshake } from "../src/wire/handshake.ts";

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
const text = (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1");

function recordHandshake(maxVersion: number, password?: Uint8Array): Uint8Array {
  const written: Uint8Array[] = [];
  const options = { outbound: true, minVersion: 1, maxVersion, features, password, crypto: tweetnaclProvider };
  const a = new Handshake(options, (bytes) => written.push(bytes));
  const b = new Handshake({ ...options, outbound: false }, (bytes) => a.push(bytes));
  for (let i = 0; i < 4; i++) {
    a.advance();
    for (const bytes of written.slice(i === 0 ? 0 : written.length)) b.push(bytes);
    try {
      b.advance();
    } catch {}
  }
  return Buffer.concat(written);
}

interface Subject {
  readonly name: string;
  readonly seeds: readonly Uint8Array[];
  run(bytes: Uint8Array): void;
}

const subjects: readonly Subject[] = [
  {
    name: "topology",
    seeds: [joinRecords([encodeRecord(record), encodeRecord({ ...record, name: 5 })])],
    run: (b) => void decodeRecords(b),
  },
  {
    name: "envelope",
    seeds: [
      encodeEnvelope({ tag: 5, channel: "topology", source: 1, destination: 2, payload: Uint8Array.of(1, 2) }).slice(1),
    ],
    run: (b) => void decodeEnvelope(5, b),
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
    run(bytes) {
      const options = { outbound: false, minVersion: 1, maxVersion: 2, features, crypto: tweetnaclProvider };
      const handshake = new Handshake(options, () => {});
      handshake.push(bytes);
      if (!handshake.advance()) return;
      parseFeatures(handshake.session!.remoteFeatures);
      while (handshake.next());
    },
  },
  { name: "peer name", seeds: [Buffer.from("12:34::56")], run: (b) => void parsePeerName(text(b)) },
  { name: "target", seeds: [Buffer.from("host:6783")], run: (b) => void parseTarget(text(b)) },
  {
    name: "features",
    seeds: [Buffer.from("18446744073709551616")],
    run: (b) => void parseFeatures({ ...features, UID: text(b), Trusted: text(b) }),
  },
];

/** Bends some bytes: flips, cuts, doubles, inserts. */
function bend(seed: Uint8Array, random: () => number): Uint8Array {
  const bytes = [...seed];
  for (let i = 1 + Math.floor(random() * 4); i > 0; i--) {
    const at = Math.floor(random() * bytes.length);
    const kind = random();
    if (kind < 0.5) bytes[at] = Math.floor(random() * 256);
    else if (kind < 0.65) bytes.splice(at, 1 + Math.floor(random() * 8));
    else if (kind < 0.8) bytes.splice(at, 0, Math.floor(random() * 256));
    else if (kind < 0.9) bytes.splice(at, 0, ...bytes.slice(at, at + 16));
    else bytes[at] = [0, 0x7f, 0x80, 0xf8, 0xff][Math.floor(random() * 5)]!;
  }
  return Uint8Array.from(bytes);
}

/** Runs inputs until one does anything but succeed or throw a MeshError; that one is in the error. Returns how many ran. */
export function fuzz(seed: number, inputs: number): number {
  const random = seededRandom(seed);
  for (let i = 0; i < inputs; i++) {
    const subject = subjects[i % subjects.length]!;
    const bytes = bend(subject.seeds[Math.floor(random() * subject.seeds.length)]!, random);
    try {
      subject.run(bytes);
    } catch (error) {
      if (error instanceof MeshError) continue;
      throw new Error(`${subject.name}, seed ${seed}, input ${Buffer.from(bytes).toString("hex")}`, { cause: error });
    }
  }
  return inputs;
}
