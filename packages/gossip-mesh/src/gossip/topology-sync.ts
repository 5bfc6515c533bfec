/** The logic of the topology sync; see sync-messages.ts for the exchange. */
import type { Clock, PeerName, Random } from "../ports.ts";
import { patchLinks } from "../topology/history.ts";
import { decodeRecords } from "../topology/payload.ts";
import type { PeerRecord } from "../topology/record.ts";
import type { Topology } from "../topology/topology.ts";
import { decodeSync, encodeSync, type PeerVersion, type RecordChange, type SyncMessage } from "./sync-messages.ts";

/** News is gathered this long before it is announced: in a storm one announcement covers many changes. */
const ANNOUNCE_DELAY_MS = 20;
/** A want is not repeated to others for as long as its answer may take. */
const WANT_PATIENCE_MS = 1_000;
/** A digest is answered with our own at most this often. */
const DIGEST_REPLY_MS = 5_000;
/** After the last change, digests are compared with a neighbour at these intervals, in case that some news was lost. */
const RECONCILE_MS = [2_000, 4_000, 8_000];
/** Most records in one answer, so that no message comes near the limit; the rest is had at the next digest. */
const MAX_GIVEN = 4_096;

/** One neighbour that speaks the sync. */
export interface SyncLink {
  readonly name: PeerName;
  /** Sends a payload on the sync channel. */
  sendSync(payload: Uint8Array): void;
}

interface LinkState {
  /** Peers to announce. Bounded by: peers of the topology. */
  readonly news: Set<PeerName>;
  repliedAt: number;
}

/** What the sync needs from the mesh. */
export interface SyncHost {
  readonly topology: Topology;
  readonly clock: Clock;
  readonly random: Random;
  /** Merges records that came over a link, and passes on what was new. */
  merge(records: readonly PeerRecord[], from: PeerName): void;
}

/** The sync with all neighbours that speak it. */
export class TopologySync {
  readonly #host: SyncHost;
  /** Bounded by: connections. */
  readonly #links = new Map<SyncLink, LinkState>();
  /** Versions asked for: until when, of whom. Bounded by: peers that neighbours have announced, for one second. */
  readonly #wanted = new Map<PeerName, { readonly version: bigint; readonly until: number; readonly of: SyncLink }>();
  #announcing = false;
  /** What neighbours were last sent of ourselves. */
  #pushed: PeerRecord | undefined;
  #cancelReconcile: (() => void) | undefined;

  constructor(host: SyncHost) {
    this.#host = host;
  }

  /** A neighbour is there. One that had no other way to us is asked whether it believes the same. */
  add(link: SyncLink, options: { readonly greet: boolean }): void {
    this.#links.set(link, { news: new Set(), repliedAt: Number.NEGATIVE_INFINITY });
    if (options.greet) this.greet(link);
  }

  /** A neighbour is gone; what it was asked for is asked of others when they announce it. */
  remove(link: SyncLink): void {
    this.#links.delete(link);
    for (const [name, wanted] of this.#wanted) if (wanted.of === link) this.#wanted.delete(name);
  }

  /** Compares digests: what periodic gossip of the complete state amounts to when both believe the same. */
  greet(link: SyncLink): void {
    this.#send(link, { kind: "digest", digest: this.#host.topology.digest });
  }

  /** Sends all neighbours what has changed in our own record since the last time: the same bytes to each. */
  push(): void {
    const { own, self } = this.#host.topology;
    const base = this.#pushed;
    this.#pushed = own;
    this.#changed();
    const since = base && this.#host.topology.history(self)?.since(base.version);
    const changes = since ? [{ ...own, ...since, base: base.version }] : [];
    const records = this.#host.topology.encode(since ? [] : [self]);
    const payload = encodeSync({ kind: "give", records, changes });
    for (const link of this.#links.keys()) link.sendSync(payload);
  }

  /** Compares digests for a while after a change, ever more rarely, each time with another neighbour. */
  #changed(): void {
    this.#cancelReconcile?.();
    const [first, ...later] = RECONCILE_MS;
    this.#cancelReconcile = this.#reconcile(first!, later);
  }

  #reconcile(delayMs: number, later: readonly number[]): () => void {
    const { clock, random } = this.#host;
    return clock.after(delayMs * (0.75 + random() / 2), () => {
      const links = [...this.#links.keys()];
      const link = links[Math.floor(random() * links.length)];
      if (link) this.greet(link);
      const [next, ...rest] = later;
      this.#cancelReconcile = next === undefined ? undefined : this.#reconcile(next, rest);
    });
  }

  /** Ends its timers. */
  close(): void {
    this.#cancelReconcile?.();
  }

  /** Tells a neighbour, soon, that these peers have changed. Nothing happens for one that does not speak the sync. */
  announce(link: SyncLink, names: Iterable<PeerName>): void {
    const state = this.#links.get(link);
    if (!state) return;
    for (const name of names) state.news.add(name);
    if (this.#announcing) return;
    this.#announcing = true;
    this.#host.clock.after(ANNOUNCE_DELAY_MS, () => this.#flush());
  }

  #flush(): void {
    this.#announcing = false;
    for (const [link, { news }] of this.#links) {
      if (news.size === 0) continue;
      const versions = this.#versions(news);
      news.clear();
      if (versions.length > 0) this.#send(link, { kind: "have", versions, complete: false });
    }
  }

  /** What we have of a peer; nothing for placeholders, which are hearsay. */
  #version(name: PeerName): PeerVersion | undefined {
    const record = this.#host.topology.get(name);
    if (!record || (record.uid === 0n && record.version === 0n)) return undefined;
    return { name, uid: record.uid, version: record.version };
  }

  #versions(names: Iterable<PeerName>): PeerVersion[] {
    return [...names].flatMap((name) => this.#version(name) ?? []);
  }

  #send(link: SyncLink, message: SyncMessage): void {
    link.sendSync(encodeSync(message));
  }

  /** Takes a payload. @throws MeshError MESH_GOSSIP */
  receive(link: SyncLink, payload: Uint8Array): void {
    const message = decodeSync(payload);
    switch (message.kind) {
      case "digest":
        this.#onDigest(link, message.digest);
        break;
      case "have":
        this.#onHave(link, message.versions, message.complete);
        break;
      case "want":
        this.#onWant(link, message.versions);
        break;
      case "give":
        this.#onGive(link, message.records, message.changes);
        break;
    }
  }

  #onDigest(link: SyncLink, digest: bigint): void {
    const { topology, clock } = this.#host;
    if (digest === topology.digest) return;
    if (topology.self < link.name) {
      this.#send(link, { kind: "have", versions: this.#versions(topology.names()), complete: true });
      return;
    }
    // The other side is the one to begin; it may not know yet that there is a difference.
    const state = this.#links.get(link);
    if (!state || clock.now() - state.repliedAt < DIGEST_REPLY_MS) return;
    state.repliedAt = clock.now();
    this.greet(link);
  }

  #onHave(link: SyncLink, versions: readonly PeerVersion[], complete: boolean): void {
    const { topology } = this.#host;
    const news = this.#links.get(link)?.news;
    const want: PeerVersion[] = [];
    const older: PeerVersion[] = [];
    for (const theirs of versions) {
      const ours = this.#version(theirs.name);
      const order = compare(theirs, ours);
      if (order >= 0) news?.delete(theirs.name);
      if (order > 0 && this.#mayAsk(link, theirs)) want.push(ours ?? { name: theirs.name, uid: 0n, version: 0n });
      if (order < 0) older.push(ours!);
    }
    if (complete) {
      const named = new Set(versions.map(({ name }) => name));
      older.push(...this.#versions([...topology.names()].filter((name) => !named.has(name))));
    }
    if (want.length > 0) this.#send(link, { kind: "want", versions: want });
    if (older.length > 0) this.#send(link, { kind: "have", versions: older, complete: false });
  }

  /** Whether to ask this neighbour, which no other has been asked in the last second. */
  #mayAsk(link: SyncLink, { name, version }: PeerVersion): boolean {
    const now = this.#host.clock.now();
    const asked = this.#wanted.get(name);
    if (asked && asked.version >= version && asked.until > now) return false;
    this.#wanted.set(name, { version, until: now + WANT_PATIENCE_MS, of: link });
    return true;
  }

  #onWant(link: SyncLink, versions: readonly PeerVersion[]): void {
    const { topology } = this.#host;
    const records: PeerRecord[] = [];
    const changes: RecordChange[] = [];
    for (const theirs of versions.slice(0, MAX_GIVEN)) {
      const record = topology.get(theirs.name);
      if (!record) continue;
      const since = record.uid === theirs.uid ? topology.history(theirs.name)?.since(theirs.version) : undefined;
      if (since) changes.push({ ...record, ...since, base: theirs.version });
      else records.push(record);
    }
    if (records.length + changes.length === 0) return;
    this.#send(link, { kind: "give", records: topology.encode(records.map(({ name }) => name)), changes });
  }

  #onGive(link: SyncLink, payload: Uint8Array, changes: readonly RecordChange[]): void {
    const { topology } = this.#host;
    const records = decodeRecords(payload);
    const misfits: PeerVersion[] = [];
    for (const change of changes) {
      const known = topology.get(change.name);
      if (known && known.uid === change.uid && known.version === change.base) {
        records.push({ ...change, links: patchLinks(known.links, change) });
      } else if (!known || compare(change, this.#version(change.name)) > 0) {
        misfits.push({ name: change.name, uid: 0n, version: 0n });
      }
    }
    for (const { name } of records) this.#wanted.delete(name);
    if (records.length > 0) this.#changed();
    this.#host.merge(records, link.name);
    if (misfits.length > 0) this.#send(link, { kind: "want", versions: misfits });
  }
}

/** Positive if `a` is newer, as the topology's merge sees it. */
function compare(a: PeerVersion, b: PeerVersion | undefined): number {
  if (!b) return 1;
  if (a.version !== b.version) return a.version > b.version ? 1 : -1;
  if (a.uid === b.uid) return 0;
  return a.uid > b.uid ? 1 : -1;
}
