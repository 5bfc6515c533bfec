/** What the sync works out from messages and records. */

import { patchLinks } from "../topology/history.ts";
import type { PeerRecord } from "../topology/record.ts";
import type { PeerVersion, RecordUpdate } from "./sync-messages.ts";

/** The record that an update leads to, from the links that it is based on. */
export function toRecord(update: RecordUpdate, links: PeerRecord["links"]): PeerRecord {
  const { name, uid, version, nickname, shortId, hasShortId } = update;
  return { name, uid, version, nickname, shortId, hasShortId, links: patchLinks(links, update) };
}

/** Positive if `a` is newer, as the topology's merge sees it. */
export function compareVersions(a: PeerVersion, b: PeerVersion | undefined): number {
  if (!b) return 1;
  if (a.version !== b.version) return a.version > b.version ? 1 : -1;
  if (a.uid === b.uid) return 0;
  return a.uid > b.uid ? 1 : -1;
}
