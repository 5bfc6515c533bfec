import { type Answer, type DecodedPacket, decode, encode, type Packet } from "dns-packet";
import fc from "fast-check";

/** Bytes of a query; `edns` adds an OPT record of that UDP size. */
export function query(
  name: string,
  type: string | number = "A",
  edns?: number,
  extra: Partial<Packet> = {},
): Uint8Array {
  const additionals =
    edns === undefined ? [] : [{ type: "OPT", name: ".", udpPayloadSize: edns, flags: 0, options: [] }];
  const bytes = encode({
    type: "query",
    id: 0x1234,
    flags: 0x0100,
    questions: [{ name, type: typeof type === "number" ? "A" : type, class: "IN" }],
    additionals,
    ...extra,
  } as Packet);
  // The encoder takes 0 for "unsaid".
  if (edns === 0) bytes.writeUInt16BE(0, bytes.length - 8);
  if (typeof type === "number") {
    const at = bytes.length - 4 - (edns === undefined ? 0 : 11);
    bytes.writeUInt16BE(type, at);
  }
  return new Uint8Array(bytes);
}

/** A decoded reply, with what dns-packet's types leave out. */
export type Decoded = DecodedPacket & {
  readonly rcode: string;
  readonly flag_aa: boolean;
  readonly flag_tc: boolean;
  readonly flag_ra: boolean;
};

export const read = (bytes: Uint8Array): Decoded => decode(Buffer.from(bytes)) as unknown as Decoded;
export const dataOf = (answers: readonly Answer[] | undefined): unknown[] =>
  (answers ?? []).map((answer) => (answer as { data?: unknown }).data);

/** Queries as clients might send them: known, unknown, foreign names in any case; all types; with and without EDNS0. */
export const anyQuery: fc.Arbitrary<Uint8Array> = fc
  .record({
    name: fc.constantFrom(
      "web",
      "web.weave.local",
      "WeB.wEave.Local",
      "big.weave.local",
      "sub.dom.weave.local",
      "dom.weave.local",
      "nope.weave.local",
      "weave.local",
      "www.example",
      "1.0.32.10.in-addr.arpa",
      "10-32-0-1.web.weave.local",
      ".",
    ),
    type: fc.constantFrom("A", "A", "A", "AAAA", "PTR", "MX", "SRV", "SOA", "NS", "TXT", 255, 41, 999),
    edns: fc.option(fc.constantFrom(0, 100, 512, 700, 1232, 4096, 65535), { nil: undefined }),
    id: fc.nat(65535),
    flags: fc.constantFrom(0, 0x0100, 0x0010, 0x0110, 0x0120, 0x8000, 0x2000),
  })
  .map(({ name, type, edns, id, flags }) => {
    const bytes = query(name, type, edns);
    bytes[0] = id >>> 8;
    bytes[1] = id & 255;
    bytes[2] = flags >>> 8;
    bytes[3] = flags & 255;
    return bytes;
  });

/** What the fast path is for: A of a known name, in any case. */
export const hotQuery: fc.Arbitrary<Uint8Array> = fc
  .record({
    name: fc.constantFrom("web.weave.local", "WEB.weave.local", "BiG.weave.local", "sub.dom.weave.local"),
    edns: fc.option(fc.constantFrom(1, 100, 512, 700, 1232, 4096, 65535), { nil: undefined }),
    dnssecOk: fc.boolean(),
    flags: fc.constantFrom(0, 0x0100, 0x0010, 0x0110, 0x0120),
  })
  .map(({ name, edns, dnssecOk, flags }) => {
    const bytes = query(name, "A", edns);
    if (edns !== undefined && dnssecOk) bytes[bytes.length - 4] = 0x80;
    bytes[2] = flags >>> 8;
    bytes[3] = flags & 255;
    return bytes;
  });

/** The above with some bytes changed, cut, or added; and noise. */
export const garbledQuery: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc
    .tuple(
      anyQuery,
      fc.array(fc.tuple(fc.nat(60), fc.nat(255)), { maxLength: 4 }),
      fc.nat(70),
      fc.uint8Array({ maxLength: 12 }),
    )
    .map(([bytes, changes, length, tail]) => {
      const copy = Uint8Array.from([...bytes.subarray(0, length < 60 ? bytes.length : length), ...tail]);
      for (const [at, value] of changes) if (at < copy.length) copy[at] = value;
      return copy;
    }),
  fc.uint8Array({ maxLength: 80 }),
);
