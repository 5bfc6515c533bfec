/**
 * What changed in one peer's links from version to version, so that a neighbour that has an older one is sent the
 * difference. In a full mesh of n peers a record has n links, of which an update changes one or two.
 */
import type { PeerName } from "../ports.ts";
import { type Link, type PeerRecord, sameLink, sortLinks } from "./record.ts";

/** Links that differ between two versions of a record. */
export interface LinkChanges {
  readonly changed: readonly Link[];
  readonly removed: readonly PeerName[];
}

interface Step extends LinkChanges {
  /** The version that this step starts from. */
  readonly from: bigint;
}

/** Below this many links a full record is hardly longer than a difference. */
const WORTH_IT = 8;

/** The difference that turns one list of links into another; both are sorted. */
export function diffLinks(before: readonly Link[], after: readonly Link[]): LinkChanges {
  const changed: Link[] = [];
  const removed: PeerName[] = [];
  let i = 0;
  let j = 0;
  while (i < before.length || j < after.length) {
    const old = before[i];
    const now = after[j];
    if (old === now) {
      // Most links are the same object in both.
      i++;
      j++;
    } else if (old && (!now || old.to < now.to)) {
      removed.push(old.to);
      i++;
    } else if (now && (!old || now.to < old.to)) {
      changed.push(now);
      j++;
    } else {
      if (!sameLink(old!, now!)) changed.push(now!);
      i++;
      j++;
    }
  }
  return { changed, removed };
}

/** Applies a difference, which may come from anybody: in any order, naming a peer twice. */
export function patchLinks(links: readonly Link[], changes: LinkChanges): readonly Link[] {
  const changed = sortLinks(changes.changed);
  const removed = new Set(changes.removed);
  const next: Link[] = [];
  let i = 0;
  for (const link of links) {
    while (i < changed.length && changed[i]!.to < link.to) next.push(changed[i++]!);
    if (changed[i]?.to === link.to) next.push(changed[i++]!);
    else if (!removed.has(link.to)) next.push(link);
  }
  while (i < changed.length) next.push(changed[i++]!);
  return next;
}

/** The recent versions of one peer's links, in one incarnation. */
export class LinkHistory {
  /** Bounded by: as many changes in all as the record has links. */
  readonly #steps: Step[] = [];
  #changes = 0;

  /** Notes that `before` became `after`. */
  record(before: PeerRecord, after: PeerRecord): void {
    if (before.uid !== after.uid) {
      this.#steps.length = 0;
      this.#changes = 0;
      return;
    }
    const changes = diffLinks(before.links, after.links);
    this.#steps.push({ ...changes, from: before.version });
    this.#changes += weight(changes);
    const bound = Math.max(after.links.length, WORTH_IT);
    while (this.#changes > bound || this.#steps.length > bound) this.#changes -= weight(this.#steps.shift()!);
  }

  /** What changed since a version, or undefined if that is not known or not worth it. */
  since(version: bigint): LinkChanges | undefined {
    const first = this.#steps.findIndex((step) => step.from === version);
    if (first < 0) return undefined;
    const changed = new Map<PeerName, Link>();
    const removed = new Set<PeerName>();
    for (const step of this.#steps.slice(first)) {
      for (const link of step.changed) {
        changed.set(link.to, link);
        removed.delete(link.to);
      }
      for (const to of step.removed) {
        changed.delete(to);
        removed.add(to);
      }
    }
    return { changed: [...changed.values()], removed: [...removed] };
  }
}

function weight(changes: LinkChanges): number {
  return changes.changed.length + changes.removed.length;
}
