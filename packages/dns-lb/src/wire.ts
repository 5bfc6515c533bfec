/**
 * Gossip payloads: one Go gob stream with one value (`nameserver/entry.go` of the original, release 2.8.1).
 *
 *     GossipData { Timestamp int, Entries []Entry }
 *     Entry      { ContainerID string, Origin uint, Addr uint, Hostname string, Version int, Tombstone int }
 *     Record     { ContainerID string, Origin uint, Hostname string, Type string, Data string, Version int, Tombstone int }
 *
 * Entries go out sorted case-sensitively by name, then origin, container, address. One live entry, behind its type definitions:
 * `23 ff82 02 01 | 01 01 63 | 01 01 | 01 fc0a200001 | 01 10 666f6f2e77656176652e6c6f63616c2e | 00 00`
 * says: no timestamp, one entry, container `c`, origin 1, 10.32.0.1, `foo.weave.local.`, version and tombstone 0.
 */
import { decodeGob, encodeGob, gob } from "@weaved/gob-codec";
import type { ClaimCodec } from "./claims.ts";
import { type ClaimType, compareOnWire, makeEntry, type NameEntry, normalise } from "./entry.ts";
import { DnsError } from "./errors.ts";

const entrySchema = gob.struct("Entry", {
  ContainerID: gob.string,
  Origin: gob.uint,
  Addr: gob.uint32,
  Hostname: gob.string,
  Version: gob.int,
  Tombstone: gob.int,
});
const addressSchema = gob.struct("GossipData", {
  Timestamp: gob.int,
  Entries: gob.slice(entrySchema, { name: "Entries" }),
});

const recordSchema = gob.struct("Record", {
  ContainerID: gob.string,
  Origin: gob.uint,
  Hostname: gob.string,
  Type: gob.string,
  Data: gob.string,
  Version: gob.int,
  Tombstone: gob.int,
});
const recordsSchema = gob.struct("Records", { Timestamp: gob.int, Entries: gob.slice(recordSchema) });

const recordTypes: ReadonlySet<string> = new Set<ClaimType>(["AAAA", "SRV", "WEIGHT"]);

function guarded<T>(channel: string, decode: () => T): T {
  try {
    return decode();
  } catch (cause) {
    throw new DnsError("DNS_GOSSIP_MALFORMED", `${channel} gossip cannot be read`, { cause });
  }
}

const onWire = (entries: readonly NameEntry[]): NameEntry[] => [...entries].sort(compareOnWire);

/** Address claims, as every peer understands them. */
export const addressCodec: ClaimCodec = {
  encode: (timestamp, entries) =>
    encodeGob(addressSchema, {
      Timestamp: timestamp,
      Entries: onWire(entries).map(({ containerId, origin, address, hostname, version, tombstone }) => ({
        ContainerID: containerId,
        Origin: origin,
        Addr: address,
        Hostname: hostname,
        Version: version,
        Tombstone: tombstone,
      })),
    }),
  decode: (payload) =>
    guarded("names", () => {
      const { Timestamp, Entries } = decodeGob(addressSchema, payload);
      const entries = Entries.map((e) =>
        makeEntry({
          containerId: e.ContainerID,
          origin: e.Origin,
          address: e.Addr,
          hostname: e.Hostname,
          version: e.Version,
          tombstone: e.Tombstone,
        }),
      );
      return { timestamp: Timestamp, entries: normalise(entries) };
    }),
};

/** All other claims, between `weaved` peers. Types from newer versions are passed over. */
export const recordCodec: ClaimCodec = {
  encode: (timestamp, entries) =>
    encodeGob(recordsSchema, {
      Timestamp: timestamp,
      Entries: onWire(entries).map(({ containerId, origin, hostname, type, data, version, tombstone }) => ({
        ContainerID: containerId,
        Origin: origin,
        Hostname: hostname,
        Type: type,
        Data: data,
        Version: version,
        Tombstone: tombstone,
      })),
    }),
  decode: (payload) =>
    guarded("records", () => {
      const { Timestamp, Entries } = decodeGob(recordsSchema, payload);
      const known = Entries.filter((e) => recordTypes.has(e.Type));
      const entries = known.map((e) =>
        makeEntry({
          containerId: e.ContainerID,
          origin: e.Origin,
          hostname: e.Hostname,
          type: e.Type as ClaimType,
          data: e.Data,
          version: e.Version,
          tombstone: e.Tombstone,
        }),
      );
      return { timestamp: Timestamp, entries: normalise(entries) };
    }),
};
