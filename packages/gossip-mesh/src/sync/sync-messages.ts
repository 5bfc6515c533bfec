/**
 * Messages of the topology sync, which two peers of this program speak instead of whole topologies. They travel as plain
 * gossip on a channel of their own, only where both sides have announced the feature; the original never sees one.
 *
 * ```
 * digest   here is 64 bits for all I know       -> other digest: the peer of lower name sends `have` with everything
 * have     I have these versions                -> `want` for those that are newer, `have` for those that are older
 * want     I have these older versions          -> `give`
 * give     records in full, or what changed     -> merged; a difference that does not fit is asked for again
 * ```
 *
 * On the wire (names 6 bytes, versions 8, counts as LEB128; gob would put 430 bytes of definitions before each):
 *
 * ```
 * 00 digest(8) | 01 complete(1) n version* | 02 n version* | 03 n update*
 * version  name uid(8) version(8)
 * update   flags version [base(8)] shortId(2) nickname n link* n name*      flags: 1 has short id, 2 has a base
 * link     flags to address                   flags: 1 outbound, 2 established, 4 address is IPv4 (4) and port (2), not text
 * ```
 * Example, a digest of 5: `00 0000000000000005`.
 */
import { MeshError } from "../errors.ts";
import type { PeerName } from "../ports.ts";
import { checkCount } from "../topology/bounds.ts";
import type { LinkChanges } from "../topology/history.ts";
import type { Link, PeerRecord } from "../topology/record.ts";
import { ByteReader, ByteWriter } from "../wire/bytes.ts";

/** The channel; one that the original would only relay, were it ever sent one. */
export const SYNC_CHANNEL = "weaved/topology";

/** A version of a peer's record. */
export interface PeerVersion {
  readonly name: PeerName;
  readonly uid: bigint;
  readonly version: bigint;
}

/** A record, or what leads to it from an older version of it: links apart from everything else. */
export interface RecordUpdate extends PeerVersion, LinkChanges {
  /** The version that the receiver needs to have; absent: none, all links are among `changed`. */
  readonly base?: bigint;
  readonly nickname: string;
  readonly shortId: number;
  readonly hasShortId: boolean;
  /** Of a whole record that has been received: its part of the message, to be passed on as it is. */
  readonly encoded?: Uint8Array;
}

/** One message. */
export type SyncMessage =
  | { readonly kind: "digest"; readonly digest: bigint }
  /** `complete`: what is not named is not known to the sender. */
  | { readonly kind: "have"; readonly versions: readonly PeerVersion[]; readonly complete: boolean }
  /** Version 0: nothing usable. */
  | { readonly kind: "want"; readonly versions: readonly PeerVersion[] }
  | { readonly kind: "give"; readonly updates: readonly RecordUpdate[] };

const KINDS = ["digest", "have", "want", "give"] as const;
const HAS_SHORT_ID = 1;
const HAS_BASE = 2;
const OUTBOUND = 1;
const ESTABLISHED = 2;
const BINARY_ADDRESS = 4;
const VERSION_BYTES = 22;
/** Of an update without nickname and links. */
const UPDATE_BYTES = 28;
const LINK_BYTES = 8;
const NAME_BYTES = 6;

/** Of all messages: they are made one after the other. */
const writer = new ByteWriter();

/** The payload of a message. `give` is made by `encodeGive`, from parts that are made once. */
export function encodeSync(message: Exclude<SyncMessage, { readonly kind: "give" }>): Uint8Array {
  writer.u8(KINDS.indexOf(message.kind));
  if (message.kind === "digest") writer.u64(message.digest);
  else {
    if (message.kind === "have") writer.u8(message.complete ? 1 : 0);
    writer.count(message.versions.length);
    for (const version of message.versions) writeVersion(version);
  }
  return writer.finish();
}

/** The payload of a `give` with some encoded updates. */
export function encodeGive(updates: readonly Uint8Array[]): Uint8Array {
  writer.u8(KINDS.indexOf("give"));
  writer.count(updates.length);
  for (const update of updates) writer.raw(update);
  return writer.finish();
}

function writeVersion({ name, uid, version }: PeerVersion): void {
  writer.name(name);
  writer.u64(uid);
  writer.u64(version);
}

/** A record's part of a `give`, which may be kept: records do not change. */
export function encodeRecordUpdate(record: PeerRecord): Uint8Array {
  return encodeUpdate({ ...record, changed: record.links, removed: [] });
}

/** The part of a `give` that is about one peer. */
export function encodeUpdate(update: RecordUpdate): Uint8Array {
  writer.u8((update.hasShortId ? HAS_SHORT_ID : 0) + (update.base === undefined ? 0 : HAS_BASE));
  writeVersion(update);
  if (update.base !== undefined) writer.u64(update.base);
  writer.u16(update.shortId);
  writer.text(update.nickname);
  writer.count(update.changed.length);
  for (const link of update.changed) writeLink(link);
  writer.count(update.removed.length);
  for (const name of update.removed) writer.name(name);
  return writer.finish();
}

function writeLink({ to, address, outbound, established }: Link): void {
  const flags = (outbound ? OUTBOUND : 0) + (established ? ESTABLISHED : 0);
  const numbers = binaryAddress(address);
  writer.u8(flags + (numbers ? BINARY_ADDRESS : 0));
  writer.name(to);
  if (numbers) {
    for (let i = 0; i < 4; i++) writer.u8(numbers[i]!);
    writer.u16(numbers[4]!);
  } else writer.text(address);
}

const DOT = 46;
const COLON = 58;
const ZERO = 48;

/** The numbers of `a.b.c.d:port` if the text is exactly that. By hand: this is asked for each link of each update. */
function binaryAddress(text: string): number[] | undefined {
  const numbers: number[] = [];
  let value = -1;
  for (let i = 0; i <= text.length; i++) {
    const code = i === text.length ? -1 : text.charCodeAt(i);
    const digit = code - ZERO;
    if (digit >= 0 && digit <= 9) {
      // No leading zeros: they would not come back.
      if (value === 0) return undefined;
      value = Math.max(value, 0) * 10 + digit;
      if (value > (numbers.length < 4 ? 255 : 65_535)) return undefined;
      continue;
    }
    const expected = numbers.length < 3 ? DOT : numbers.length === 3 ? COLON : -1;
    if (code !== expected || value < 0) return undefined;
    numbers.push(value);
    value = -1;
  }
  return numbers.length === 5 ? numbers : undefined;
}

/** Reads a payload. @throws MeshError MESH_GOSSIP */
export function decodeSync(payload: Uint8Array): SyncMessage {
  const reader = new ByteReader(payload);
  const number = reader.u8();
  const kind = KINDS[number];
  if (kind === undefined) throw new MeshError("MESH_GOSSIP", `a sync message of kind ${number}`);
  switch (kind) {
    case "digest":
      return { kind, digest: reader.u64() };
    case "have": {
      const complete = reader.u8() === 1;
      return { kind, complete, versions: readAll(reader, VERSION_BYTES, readVersion) };
    }
    case "want":
      return { kind, versions: readAll(reader, VERSION_BYTES, readVersion) };
    case "give":
      return { kind, updates: readAll(reader, UPDATE_BYTES, readUpdate) };
  }
}

function readAll<T>(reader: ByteReader, bytesEach: number, read: (reader: ByteReader) => T): T[] {
  const all: T[] = [];
  let count = reader.count(bytesEach);
  checkCount(count);
  for (; count > 0; count--) all.push(read(reader));
  return all;
}

function readVersion(reader: ByteReader): PeerVersion {
  return { name: reader.name(), uid: reader.u64(), version: reader.u64() };
}

function readUpdate(reader: ByteReader): RecordUpdate {
  const start = reader.at;
  const flags = reader.u8();
  const { name, uid, version } = readVersion(reader);
  const base = (flags & HAS_BASE) === 0 ? undefined : reader.u64();
  const shortId = reader.u16();
  const nickname = reader.text();
  const changed = readAll(reader, LINK_BYTES, readLink);
  const removed = readAll(reader, NAME_BYTES, (from) => from.name());
  const hasShortId = (flags & HAS_SHORT_ID) !== 0;
  const update = { name, uid, version, nickname, shortId, hasShortId, changed, removed };
  return base === undefined ? { ...update, encoded: reader.between(start, reader.at) } : { ...update, base };
}

function readLink(reader: ByteReader): Link {
  const flags = reader.u8();
  const to = reader.name();
  const address =
    (flags & BINARY_ADDRESS) === 0
      ? reader.text()
      : `${reader.u8()}.${reader.u8()}.${reader.u8()}.${reader.u8()}:${reader.u16()}`;
  return { to, address, outbound: (flags & OUTBOUND) !== 0, established: (flags & ESTABLISHED) !== 0 };
}
