/**
 * Gossip payloads: one Go gob stream with one value (`nameserver/entry.go` of Weave Net 2.8.1).
 *
 *     GossipData { Timestamp int, Entries []Entry }
 *     Entry      { ContainerID string, Origin uint, Addr uint, Hostname string, Version int, Tombstone int }
 *     Record     { ContainerID string, Origin uint, Hostname string, Type string, Data string, Version int, Tombstone int }
 *
 * Entries go out sorted case-sensitively by name, then origin, container, address. One live entry, behind its type definitions:
 * `23 ff82 02 01 | 01 01 63 | 01 01 | 01 fc0a200001 | 01 10 666f6f2e77656176652e6c6f63616c2e | 00 00`
 * says: no timestamp, one entry, container `c`, origin 1, 10.32.0.1, `foo.weave.local.`, version and tombstone 0.
 */
import { decodeGob, encodeGob, gob, type Schema } from "@weaved/gob-codec";
import type { ClaimCodec } from "./claims.ts";
import { CLAIM_TYPES, type ClaimType, compareOnWire, makeEntry, type NameEntry, normalise } from "./entry.ts";
import { DnsError } from "./errors.ts";

/** The integers of a schema. */
interface Integers<S, U> {
  readonly int: Schema<S>;
  readonly uint: Schema<U>;
}

/**
 * What is sent has safe integers. What is received is read in full width: an integer that does not fit must spoil its own entry,
 * not the message with everything that other peers announced.
 */
const SENT: Integers<number, number> = { int: gob.int, uint: gob.uint };
const RECEIVED: Integers<bigint, bigint> = { int: gob.int64, uint: gob.uint64 };

const addresses = <S, U>({ int, uint }: Integers<S, U>, address: Schema<U>) =>
  gob.struct("GossipData", {
    Timestamp: int,
    Entries: gob.slice(
      gob.struct("Entry", {
        ContainerID: gob.string,
        Origin: uint,
        Addr: address,
        Hostname: gob.string,
        Version: int,
        Tombstone: int,
      }),
      { name: "Entries" },
    ),
  });
const records = <S, U>({ int, uint }: Integers<S, U>) =>
  gob.struct("Records", {
    Timestamp: int,
    Entries: gob.slice(
      gob.struct("Record", {
        ContainerID: gob.string,
        Origin: uint,
        Hostname: gob.string,
        Type: gob.string,
        Data: gob.string,
        Version: int,
        Tombstone: int,
      }),
    ),
  });
const sentAddresses = addresses(SENT, gob.uint32);
const receivedAddresses = addresses(RECEIVED, gob.uint64);
const sentRecords = records(SENT);
const receivedRecords = records(RECEIVED);

const RECORD_TYPES: ReadonlySet<string> = new Set<ClaimType>(CLAIM_TYPES.filter((type) => type !== ""));

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
    encodeGob(sentAddresses, {
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
      const { Timestamp, Entries } = decodeGob(receivedAddresses, payload);
      const entries = Entries.map((e) =>
        makeEntry({
          containerId: e.ContainerID,
          origin: Number(e.Origin),
          address: Number(e.Addr),
          hostname: e.Hostname,
          version: Number(e.Version),
          tombstone: Number(e.Tombstone),
        }),
      );
      return { timestamp: Number(Timestamp), entries: normalise(entries) };
    }),
};

/** All other claims, between `weaved` peers. Types of newer versions are skipped. */
export const recordCodec: ClaimCodec = {
  encode: (timestamp, entries) =>
    encodeGob(sentRecords, {
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
      const { Timestamp, Entries } = decodeGob(receivedRecords, payload);
      const known = Entries.filter((e) => RECORD_TYPES.has(e.Type));
      const entries = known.map((e) =>
        makeEntry({
          containerId: e.ContainerID,
          origin: Number(e.Origin),
          hostname: e.Hostname,
          type: e.Type as ClaimType,
          data: e.Data,
          version: Number(e.Version),
          tombstone: Number(e.Tombstone),
        }),
      );
      return { timestamp: Number(Timestamp), entries: normalise(entries) };
    }),
};
