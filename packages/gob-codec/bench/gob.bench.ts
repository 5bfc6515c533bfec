/**
 * Encode and decode rates of the messages that a mesh exchanges, beside JSON of the same value in the same run.
 *
 *   npm run bench gob
 */
import { Bench } from "tinybench";
import { decodeGob, encodeGob, gob, type Schema } from "../src/index.ts";

const peer = gob.named("mesh.PeerName", gob.uint);
const entry = gob.struct("ring.entry", { Token: gob.uint32, Peer: peer, Version: gob.uint32, Free: gob.uint32 });
const ring = gob.struct("ring.Ring", {
  Start: gob.uint32,
  End: gob.uint32,
  Peer: peer,
  Entries: gob.slice(gob.pointer(entry), { name: "ring.entries" }),
  Seeds: gob.slice(peer),
});
const summary = gob.struct("mesh.peerSummary", {
  NameByte: gob.bytes,
  NickName: gob.string,
  UID: gob.uint64,
  Version: gob.uint,
  ShortID: gob.uint16,
  HasShortID: gob.bool,
});

function ringOf(entries: number) {
  return {
    Start: 0x0a200000,
    End: 0x0a300000,
    Peer: 0x7a9febb60c6e,
    Entries: Array.from({ length: entries }, (_, i) => ({
      Token: 0x0a200000 + i * 64,
      Peer: 0x7a9febb60c6e + (i % 100),
      Version: i % 9,
      Free: 64,
    })),
    Seeds: [0x7a9febb60c6e],
  };
}

const peers = Array.from({ length: 1000 }, (_, i) => ({
  NameByte: Uint8Array.of(0x7a, 0x9f, 0xeb, 0xb6, i >> 8, i),
  NickName: `host-${i}.example`,
  UID: 12345678901234567890n + BigInt(i),
  Version: i,
  ShortID: i,
  HasShortID: true,
}));

// biome-ignore lint/suspicious/noExplicitAny: a table of schemas
const cases: [string, Schema<any>, unknown][] = [
  ["ring of 4", ring, ringOf(4)],
  ["ring of 10,000", ring, ringOf(10_000)],
  ["1,000 peer summaries", gob.slice(summary), peers],
];

/** JSON has no 64-bit integers; only the summaries have any, and pay for turning them into text. */
function replacerFor(name: string): ((key: string, value: unknown) => unknown) | undefined {
  if (!name.includes("summaries")) return undefined;
  return (_key, value) => (typeof value === "bigint" ? String(value) : value);
}

for (const [name, schema, value] of cases) {
  const bytes = encodeGob(schema, value);
  const replacer = replacerFor(name);
  const text = JSON.stringify(value, replacer);
  const bench = new Bench({ time: 700, warmupTime: 200 });
  bench
    .add("gob encode", () => void encodeGob(schema, value))
    .add("gob decode", () => void decodeGob(schema, bytes))
    .add("JSON encode, to bytes", () => void Buffer.from(JSON.stringify(value, replacer)))
    .add("JSON decode, from bytes", () => void JSON.parse(Buffer.from(text).toString()));
  await bench.run();
  console.log(`${name}: gob ${bytes.length} bytes, JSON ${text.length}`);
  for (const task of bench.tasks) {
    const result = task.result;
    if (!("throughput" in result)) continue;
    const rate = result.throughput.mean;
    console.log(
      `  ${task.name.padEnd(24)} ${rate.toFixed(0).padStart(8)}/s  ${(1e6 / rate).toFixed(1).padStart(9)} us`,
    );
  }
}
