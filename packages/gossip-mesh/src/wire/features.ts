/** The feature map: what each side says about itself before anything else. All values are text. */
import { gob, type Schema } from "@weaved/gob-codec";
import { MeshError } from "../errors.ts";
import { formatPeerName, parsePeerName } from "../peer-name.ts";
import type { PeerName } from "../ports.ts";
import { SHORT_IDS } from "../topology/short-ids.ts";

/** As it travels. */
export type Features = Readonly<Record<string, string>>;

/** On the wire: `map[string]string`. */
export const featuresSchema: Schema<Map<string, string>> = gob.map(gob.string, gob.string);

/** The only keys that protocol version 1 knows; others are taken off on both sides. */
const VERSION_1_KEYS = ["ConnID", "Name", "NickName", "PeerNameFlavour", "UID"];
/** Names are MAC-like. The other flavour, hashes, exists for users of the original's library only. */
const FLAVOUR = "mac";
/** Our key: both sides having it speak topology differences (see gossip/topology-sync.ts). */
export const SYNC_FEATURE = "WeavedTopologySync";
export const SYNC_VERSION = "1";

/** What we say. */
export interface LocalFeatures {
  readonly name: PeerName;
  readonly nickname: string;
  readonly uid: bigint;
  readonly shortId: number;
  readonly connectionId: bigint;
  readonly trusted: boolean;
  /** From the overlay, and our own extras. */
  readonly extra: Features;
}

/** What the remote says. */
export interface RemoteFeatures {
  readonly name: PeerName;
  readonly nickname: string;
  readonly uid: bigint;
  /** Absent: the remote has none, being very old or speaking version 1. */
  readonly shortId?: number;
  readonly connectionId: bigint;
  readonly trusted: boolean;
  readonly topologySync: boolean;
}

/** The map to send. */
export function makeFeatures(local: LocalFeatures): Features {
  return {
    ...local.extra,
    PeerNameFlavour: FLAVOUR,
    Name: formatPeerName(local.name),
    NickName: local.nickname,
    ShortID: String(local.shortId),
    UID: String(local.uid),
    ConnID: String(local.connectionId),
    Trusted: String(local.trusted),
  };
}

/** The map as protocol version 1 would have it. */
export function version1Features(features: Features): Features {
  return Object.fromEntries(Object.entries(features).filter(([key]) => VERSION_1_KEYS.includes(key)));
}

/** Reads the remote's map. @throws MeshError MESH_FEATURES */
export function parseFeatures(features: Features): RemoteFeatures {
  const flavour = required(features, "PeerNameFlavour");
  if (flavour !== FLAVOUR)
    throw bad(`peer names are of flavour ${JSON.stringify(flavour)}, ours of ${JSON.stringify(FLAVOUR)}`);
  const shortId = Object.hasOwn(features, "ShortID") ? unsigned(features, "ShortID", BigInt(SHORT_IDS)) : undefined;
  return {
    name: parseName(required(features, "Name")),
    nickname: required(features, "NickName"),
    uid: unsigned(features, "UID", 1n << 64n),
    ...(shortId === undefined ? {} : { shortId: Number(shortId) }),
    connectionId: unsigned(features, "ConnID", 1n << 64n),
    trusted: Object.hasOwn(features, "Trusted") && goBoolean(features.Trusted!),
    topologySync: Object.hasOwn(features, SYNC_FEATURE) && features[SYNC_FEATURE] === SYNC_VERSION,
  };
}

function required(features: Features, key: string): string {
  if (!Object.hasOwn(features, key)) throw bad(`${key} is missing`);
  return features[key]!;
}

function parseName(text: string): PeerName {
  try {
    return parsePeerName(text);
  } catch (cause) {
    throw bad((cause as Error).message);
  }
}

function unsigned(features: Features, key: string, bound: bigint): bigint {
  const text = required(features, key);
  const value = /^[0-9]{1,40}$/.test(text) ? BigInt(text) : bound;
  if (value >= bound) throw bad(`${key} is ${JSON.stringify(text)}, not a number below ${bound}`);
  return value;
}

/** As Go reads booleans. */
function goBoolean(text: string): boolean {
  if (/^(1|t|T|TRUE|true|True)$/.test(text)) return true;
  if (/^(0|f|F|FALSE|false|False)$/.test(text)) return false;
  throw bad(`Trusted is ${JSON.stringify(text)}, not a boolean`);
}

function bad(reason: string): MeshError {
  return new MeshError("MESH_FEATURES", `the remote's features: ${reason}`);
}
