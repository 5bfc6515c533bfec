import { encodeGob, gob } from "@weaved/gob-codec";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { makeEntry, type NameEntry, normalise } from "../src/entry.ts";
import { DnsError } from "../src/errors.ts";
import { addressCodec, recordCodec } from "../src/wire.ts";
import { entries } from "./support/entries.ts";

describe("gossip payloads", () => {
  it("decode to what was encoded, on both channels", () => {
    fc.assert(
      fc.property(entries, fc.nat(2 ** 31), (list, timestamp) => {
        expect(addressCodec.decode(addressCodec.encode(timestamp, list))).toEqual({ timestamp, entries: list });
        const records: NameEntry[] = normalise(
          list.map((e) => makeEntry({ ...e, address: 0, type: "AAAA", data: String(e.address) })),
        );
        expect(recordCodec.decode(recordCodec.encode(timestamp, records))).toEqual({ timestamp, entries: records });
      }),
    );
  });

  it("decode to a value or a DnsError, whatever the bytes", () => {
    const valid = addressCodec.encode(1, [makeEntry({ containerId: "c", origin: 1, hostname: "a.", address: 1 })]);
    const spoilt = fc.array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { maxLength: 4 }).map((changes) => {
      const bytes = valid.slice();
      for (const [at, value] of changes) bytes[at] = value;
      return bytes;
    });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), spoilt), (bytes) => {
        try {
          addressCodec.decode(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(DnsError);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it("lose only the entry whose integers do not fit", () => {
    const wide = gob.struct("Entry", {
      ContainerID: gob.string,
      Origin: gob.uint64,
      Addr: gob.uint64,
      Hostname: gob.string,
      Version: gob.int64,
      Tombstone: gob.int64,
    });
    const entry = { ContainerID: "c", Origin: 1n, Addr: 1n, Hostname: "a.", Version: 0n, Tombstone: 0n };
    const Entries = [{ ...entry, Version: 2n ** 62n, ContainerID: "forged" }, entry];
    const payload = encodeGob(gob.struct("GossipData", { Timestamp: gob.int, Entries: gob.slice(wide) }), {
      Timestamp: 1,
      Entries,
    });
    expect(addressCodec.decode(payload).entries.map(({ containerId }) => containerId)).toEqual(["c", "forged"]);
  });
});
