/**
 * Topology payloads: one gob stream of a summary and a list of connections per peer.
 *
 * ```
 * definitions of peerSummary | summary 1 | definitions of []connectionSummary | links 1 | summary 2 | links 2 | ...
 * ```
 *
 * Definitions come once a stream, so the bytes of a peer are the same in every update: they are made once per record
 * and joined by copying. The original encodes every peer anew for every neighbour.
 */
import { GobDecoder, GobEncoder, gob, type Schema } from "@weaved/gob-codec";
import { MeshError } from "../errors.ts";
import { peerNameFromBytes, peerNameToBytes } from "../peer-name.ts";
import { checkCount, MAX_LINKS } from "./bounds.ts";
import { type Link, type PeerRecord, sortLinks } from "./record.ts";

interface Summary {
  NameByte: Uint8Array;
  NickName: string;
  UID: bigint;
  Version: bigint;
  ShortID: number;
  HasShortID: boolean;
}
interface LinkSummary {
  NameByte: Uint8Array;
  RemoteTCPAddr: string;
  Outbound: boolean;
  Established: boolean;
}

const summarySchema: Schema<Summary> = gob.struct("peerSummary", {
  NameByte: gob.bytes,
  NickName: gob.string,
  UID: gob.uint64,
  Version: gob.uint64,
  ShortID: gob.uint16,
  HasShortID: gob.bool,
});
const linksSchema: Schema<LinkSummary[]> = gob.slice(
  gob.struct("connectionSummary", {
    NameByte: gob.bytes,
    RemoteTCPAddr: gob.string,
    Outbound: gob.bool,
    Established: gob.bool,
  }),
);

/** Has sent all definitions, so that what it encodes is a value without any. */
const encoder = new GobEncoder();
const summaryDefinitions = definitions(summarySchema, encodableSummary(placeholder(0)));
const linksDefinitions = definitions(linksSchema, []);

function definitions<T>(schema: Schema<T>, sample: T): Uint8Array {
  const first = encoder.encode(schema, sample as never);
  return first.slice(0, first.length - encoder.encode(schema, sample as never).length);
}

function encodableSummary(record: PeerRecord): Summary {
  return {
    NameByte: peerNameToBytes(record.name),
    NickName: record.nickname,
    UID: record.uid,
    Version: record.version,
    ShortID: record.shortId,
    HasShortID: record.hasShortId,
  };
}

function encodableLink(link: Link): LinkSummary {
  return {
    NameByte: peerNameToBytes(link.to),
    RemoteTCPAddr: link.address,
    Outbound: link.outbound,
    Established: link.established,
  };
}

/** A peer that was mentioned but not described. */
export function placeholder(name: number): PeerRecord {
  return { name, nickname: "", uid: 0n, version: 0n, shortId: 0, hasShortId: false, links: [] };
}

/** A record's part of a stream: two messages. */
export interface EncodedRecord {
  readonly summary: Uint8Array;
  readonly links: Uint8Array;
}

/** Encodes one record, without definitions. */
export function encodeRecord(record: PeerRecord): EncodedRecord {
  return {
    summary: encoder.encode(summarySchema, encodableSummary(record)),
    links: encoder.encode(linksSchema, record.links.map(encodableLink)),
  };
}

/** Joins records into one payload. None gives the empty payload, which is valid. */
export function joinRecords(records: readonly EncodedRecord[]): Uint8Array {
  if (records.length === 0) return new Uint8Array(0);
  let size = summaryDefinitions.length + linksDefinitions.length;
  for (const { summary, links } of records) size += summary.length + links.length;
  const payload = new Uint8Array(size);
  let at = 0;
  const put = (bytes: Uint8Array): void => {
    payload.set(bytes, at);
    at += bytes.length;
  };
  put(summaryDefinitions);
  records.forEach(({ summary, links }, index) => {
    put(summary);
    if (index === 0) put(linksDefinitions);
    put(links);
  });
  return payload;
}

/**
 * Reads a payload. Of peers that are no news only the summary is read: neighbours repeat whole topologies, and most of what
 * they say, most of all the links, is known already.
 *
 * @param isNews - whether a peer's links are needed
 * @throws MeshError MESH_GOSSIP if it is cut short or does not decode
 */
export function decodeRecords(payload: Uint8Array, isNews?: (described: PeerRecord) => boolean): PeerRecord[] {
  const records: PeerRecord[] = [];
  try {
    const decoder = new GobDecoder(payload, { elements: MAX_LINKS });
    while (!decoder.atEnd) {
      checkCount(records.length);
      const summary = decoder.next(summarySchema);
      if (!summary) throw new MeshError("MESH_GOSSIP", "a topology update ends before a peer");
      const described = toRecord(summary);
      const known = isNews?.(described) === false;
      const links = known ? decoder.skip() && [] : decoder.next(linksSchema);
      if (!links) throw new MeshError("MESH_GOSSIP", "a topology update ends inside a peer");
      records.push(known ? described : { ...described, links: toLinks(links) });
    }
  } catch (error) {
    if (error instanceof MeshError) throw error;
    throw new MeshError("MESH_GOSSIP", `a topology update does not decode: ${(error as Error).message}`, {
      cause: error,
    });
  }
  return records;
}

function toRecord(summary: Summary): PeerRecord {
  return {
    name: peerNameFromBytes(summary.NameByte),
    nickname: summary.NickName,
    uid: summary.UID,
    version: summary.Version,
    shortId: summary.ShortID,
    hasShortId: summary.HasShortID,
    links: [],
  };
}

function toLinks(links: readonly LinkSummary[]): readonly Link[] {
  return sortLinks(
    links.map((link) => ({
      to: peerNameFromBytes(link.NameByte),
      address: link.RemoteTCPAddr,
      outbound: link.Outbound,
      established: link.Established,
    })),
  );
}
