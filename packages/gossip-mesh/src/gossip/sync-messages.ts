/**
 * Messages of the topology sync, which two peers of this program speak instead of whole topologies. They travel as plain
 * gossip on a channel of their own, only where both sides have announced the feature; the original never sees one.
 *
 * ```
 * digest   here is 64 bits for all I know       -> other digest: the peer of lower name sends `have` with everything
 * have     I have these versions                -> `want` for those that are newer, `have` for those that are older
 * want     I have these older versions          -> `give`
 * give     records in full, or what changed     -> merged; a difference that does not fit is asked for in full
 * ```
 */
import { decodeGob, encodeGob, gob, type Schema } from "@weaved/gob-codec";
import { MeshError } from "../errors.ts";
import type { PeerName } from "../ports.ts";
import type { LinkChanges } from "../topology/history.ts";

/** The channel; one that the original would only relay, were it ever sent one. */
export const SYNC_CHANNEL = "weaved/topology";

/** A version of a peer's record. */
export interface PeerVersion {
  readonly name: PeerName;
  readonly uid: bigint;
  readonly version: bigint;
}

/** What leads from one version of a record to another, links apart from everything else. */
export interface RecordChange extends PeerVersion, LinkChanges {
  /** The version that the receiver needs to have. */
  readonly base: bigint;
  readonly nickname: string;
  readonly shortId: number;
  readonly hasShortId: boolean;
}

/** One message. */
export type SyncMessage =
  | { readonly kind: "digest"; readonly digest: bigint }
  /** `complete`: what is not named is not known to the sender. */
  | { readonly kind: "have"; readonly versions: readonly PeerVersion[]; readonly complete: boolean }
  /** Version 0: nothing usable. */
  | { readonly kind: "want"; readonly versions: readonly PeerVersion[] }
  /** `records` is a topology payload. */
  | { readonly kind: "give"; readonly records: Uint8Array; readonly changes: readonly RecordChange[] };

const KINDS = ["digest", "have", "want", "give"] as const;

const versionSchema = gob.struct("version", { Name: gob.uint, UID: gob.uint64, Version: gob.uint64 });
const linkSchema = gob.struct("link", { To: gob.uint, Address: gob.string, Outbound: gob.bool, Established: gob.bool });
const changeSchema = gob.struct("change", {
  Name: gob.uint,
  UID: gob.uint64,
  Base: gob.uint64,
  Version: gob.uint64,
  NickName: gob.string,
  ShortID: gob.uint16,
  HasShortID: gob.bool,
  Changed: gob.slice(linkSchema),
  Removed: gob.slice(gob.uint),
});
const messageSchema: Schema<WireMessage> = gob.struct("sync", {
  Kind: gob.uint,
  Digest: gob.uint64,
  Complete: gob.bool,
  Versions: gob.slice(versionSchema),
  Records: gob.bytes,
  Changes: gob.slice(changeSchema),
});

interface WireMessage {
  Kind: number;
  Digest: bigint;
  Complete: boolean;
  Versions: { Name: number; UID: bigint; Version: bigint }[];
  Records: Uint8Array;
  Changes: {
    Name: number;
    UID: bigint;
    Base: bigint;
    Version: bigint;
    NickName: string;
    ShortID: number;
    HasShortID: boolean;
    Changed: { To: number; Address: string; Outbound: boolean; Established: boolean }[];
    Removed: number[];
  }[];
}
const EMPTY: WireMessage = {
  Kind: 0,
  Digest: 0n,
  Complete: false,
  Versions: [],
  Records: new Uint8Array(0),
  Changes: [],
};

/** The payload of a message. */
export function encodeSync(message: SyncMessage): Uint8Array {
  return encodeGob(messageSchema, { ...EMPTY, Kind: KINDS.indexOf(message.kind), ...wireFields(message) });
}

function wireFields(message: SyncMessage): Partial<WireMessage> {
  switch (message.kind) {
    case "digest":
      return { Digest: message.digest };
    case "have":
      return { Versions: wireVersions(message.versions), Complete: message.complete };
    case "want":
      return { Versions: wireVersions(message.versions) };
    case "give":
      return { Records: message.records, Changes: message.changes.map(wireChange) };
  }
}

function wireVersions(versions: readonly PeerVersion[]): WireMessage["Versions"] {
  return versions.map(({ name, uid, version }) => ({ Name: name, UID: uid, Version: version }));
}

function wireChange(change: RecordChange): WireMessage["Changes"][number] {
  return {
    Name: change.name,
    UID: change.uid,
    Base: change.base,
    Version: change.version,
    NickName: change.nickname,
    ShortID: change.shortId,
    HasShortID: change.hasShortId,
    Changed: change.changed.map(({ to, address, outbound, established }) => ({
      To: to,
      Address: address,
      Outbound: outbound,
      Established: established,
    })),
    Removed: [...change.removed],
  };
}

/** Reads a payload. @throws MeshError MESH_GOSSIP */
export function decodeSync(payload: Uint8Array): SyncMessage {
  let wire: WireMessage;
  try {
    wire = decodeGob(messageSchema, payload);
  } catch (cause) {
    throw new MeshError("MESH_GOSSIP", `a sync message does not decode: ${(cause as Error).message}`, { cause });
  }
  const kind = KINDS[wire.Kind];
  if (kind === undefined) throw new MeshError("MESH_GOSSIP", `a sync message of kind ${wire.Kind}`);
  const versions = wire.Versions.map(({ Name, UID, Version }) => ({ name: Name, uid: UID, version: Version }));
  switch (kind) {
    case "digest":
      return { kind, digest: wire.Digest };
    case "have":
      return { kind, versions, complete: wire.Complete };
    case "want":
      return { kind, versions };
    case "give":
      return { kind, records: wire.Records, changes: wire.Changes.map(toChange) };
  }
}

function toChange(wire: WireMessage["Changes"][number]): RecordChange {
  return {
    name: wire.Name,
    uid: wire.UID,
    base: wire.Base,
    version: wire.Version,
    nickname: wire.NickName,
    shortId: wire.ShortID,
    hasShortId: wire.HasShortID,
    changed: wire.Changed.map(({ To, Address, Outbound, Established }) => ({
      to: To,
      address: Address,
      outbound: Outbound,
      established: Established,
    })),
    removed: wire.Removed,
  };
}
