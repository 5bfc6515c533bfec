/** The logic of the topology sync; see sync-messages.ts for the exchange. */
import type { Clock, PeerName, Random } from "../ports.ts";
import { MAX_DESCRIBED, MAX_VERSION } from "../topology/bounds.ts";
import type { PeerRecord } from "../topology/record.ts";
import type { Topology } from "../topology/topology.ts";
import { encodeEnvelope, Tag } from "../wire/envelope.ts";
import {
  decodeSync,
  encodeGive,
  encodeRecordUpdate,
  encodeSync,
  encodeUpdate,
  type PeerVersion,
  type RecordUpdate,
  SYNC_CHANNEL,
} from "./sync-messages.ts";
import { compareVersions, toRecord } from "./versions.ts";

/** News is gathered this long before it is announced: in a storm one announcement covers many changes. */
const ANNOUNCE_DELAY_MS = 100;
/** A want is not repeated to others for as long as its answer may take. */
const WANT_PATIENCE_MS = 1_000;
/** A digest is answered with our own at most this often. */
const DIGEST_REPLY_MS = 5_000;
/** After the last change, digests are compared with a neighbour at these intervals, in case that some news was lost. */
const RECONCILE_MS = [2_000, 4_000, 8_000];
/** In a storm, digests are compared no more rarely than this. */
const STORM_MS = 15_000;
/** Most records in one answer, so that no message comes near the limit; the rest is had at the next digest. */
const MAX_GIVEN = 4_096;

/** One neighbour that speaks the sync. */
export interface SyncLink {
  readonly name: PeerName;
  /** Sends a message, unless too much waits already. */
  trySend(message: Uint8Array): boolean;
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
}

/** The sync with all neighbours that speak it. */
export class TopologySync {
  /** Merges records that came over a link, and passes on what was new. Set once. @throws MeshError to end the connection */
  onRecords: (records: readonly PeerRecord[], from: PeerName) => void = () => {};
  /** A neighbour compares digests. Set once. */
  onDigest: (from: PeerName) => void = () => {};
  readonly #host: SyncHost;
  /** Bounded by: connections. */
  readonly #links = new Map<SyncLink, LinkState>();
  /** Versions asked for: until when, of whom. Bounded by: MAX_DESCRIBED. */
  readonly #wanted = new Map<PeerName, { readonly version: bigint; readonly until: number; readonly of: SyncLink }>();
  #announcing = false;
  /** Updates that describe whole records. Bounded by: records in use, which are the topology's. */
  readonly #encodings = new WeakMap<PeerRecord, Uint8Array>();
  /** What neighbours were last sent of ourselves. */
  #pushed: PeerRecord | undefined;
  #cancelReconcile: (() => void) | undefined;
  /** Counts changes, so that calm is told from storm. */
  #changes = 0;

  constructor(host: SyncHost) {
    this.#host = host;
  }

  /** A neighbour is there. */
  add(link: SyncLink): void {
    this.#links.set(link, { news: new Set(), repliedAt: Number.NEGATIVE_INFINITY });
  }

  /** A neighbour is gone; what it was asked for is asked of others when they announce it. */
  remove(link: SyncLink): void {
    this.#links.delete(link);
    for (const [name, wanted] of this.#wanted) if (wanted.of === link) this.#wanted.delete(name);
  }

  /** Compares digests: what periodic gossip of the complete state amounts to when both believe the same. */
  sendDigest(link: SyncLink): void {
    this.#send(link, { kind: "digest", digest: this.#host.topology.digest });
  }

  /** Sends all neighbours what has changed in our own record since the last time: the same bytes to each. */
  push(): void {
    const { own, self } = this.#host.topology;
    const base = this.#pushed;
    this.#pushed = own;
    this.#changed();
    const since = base && this.#host.topology.history(self)?.since(base.version);
    const update = since ? encodeUpdate({ ...own, ...since, base: base.version }) : this.#encoded(own);
    const message = syncMessage(self, encodeGive([update]));
    for (const link of this.#links.keys()) link.trySend(message);
  }

  /** A record's bytes, made once for all who are given it. */
  #encoded(record: PeerRecord): Uint8Array {
    let bytes = this.#encodings.get(record);
    if (!bytes) {
      bytes = encodeRecordUpdate(record);
      this.#encodings.set(record, bytes);
    }
    return bytes;
  }

  /**
   * What we know of a peer. Of ourselves it is what we have told: the versions between would make others ask for each one,
   * and would fit nobody's differences.
   */
  #record(name: PeerName): PeerRecord | undefined {
    const { topology } = this.#host;
    return name === topology.self ? (this.#pushed ?? topology.own) : topology.get(name);
  }

  /** Compares digests for a while after a change, ever more rarely, each time with another neighbour. */
  #changed(): void {
    this.#changes++;
    if (!this.#cancelReconcile) this.#reconcile(0, this.#host.clock.now());
  }

  /** Waits for calm, because in a storm no two peers believe the same; but not for ever. */
  #reconcile(round: number, since: number): void {
    const { clock, random } = this.#host;
    const { [round]: delayMs } = RECONCILE_MS;
    this.#cancelReconcile = undefined;
    if (delayMs === undefined) return;
    const changes = this.#changes;
    this.#cancelReconcile = clock.after(delayMs * (0.75 + random() / 2), () => {
      const impatient = clock.now() - since > STORM_MS;
      if (this.#changes !== changes && !impatient) {
        this.#reconcile(0, since);
        return;
      }
      const links = [...this.#links.keys()];
      const link = links[Math.floor(random() * links.length)];
      if (link) this.sendDigest(link);
      if (this.#changes === changes) this.#reconcile(round + 1, since);
      else this.#reconcile(0, clock.now());
    });
  }

  /** Ends its timers. */
  close(): void {
    this.#cancelReconcile?.();
  }

  /** Tells a neighbour, soon, that a peer has changed. Nothing happens for one that does not speak the sync. */
  announce(link: SyncLink, name: PeerName): void {
    const state = this.#links.get(link);
    if (!state) return;
    state.news.add(name);
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
    const record = this.#record(name);
    if (!record || (record.uid === 0n && record.version === 0n)) return undefined;
    return { name, uid: record.uid, version: record.version };
  }

  #versions(names: Iterable<PeerName>): PeerVersion[] {
    return [...names].flatMap((name) => this.#version(name) ?? []);
  }

  #send(link: SyncLink, message: Parameters<typeof encodeSync>[0]): void {
    link.trySend(syncMessage(this.#host.topology.self, encodeSync(message)));
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
        this.#onGive(link, message.updates);
        break;
    }
  }

  #onDigest(link: SyncLink, digest: bigint): void {
    const { topology, clock } = this.#host;
    this.onDigest(link.name);
    if (digest === topology.digest) return;
    if (topology.self < link.name) {
      this.#send(link, { kind: "have", versions: this.#versions(topology.names()), complete: true });
      return;
    }
    // The other side is the one to begin; it may not know yet that there is a difference.
    const state = this.#links.get(link);
    if (!state || clock.now() - state.repliedAt < DIGEST_REPLY_MS) return;
    state.repliedAt = clock.now();
    this.sendDigest(link);
  }

  #onHave(link: SyncLink, versions: readonly PeerVersion[], complete: boolean): void {
    const { topology } = this.#host;
    const news = this.#links.get(link)?.news;
    const want: PeerVersion[] = [];
    const older: PeerVersion[] = [];
    for (const theirs of versions) {
      const ours = this.#version(theirs.name);
      const order = compareVersions(theirs, ours);
      if (order >= 0) news?.delete(theirs.name);
      if (order > 0 && theirs.version <= MAX_VERSION && this.#mayAsk(link, theirs))
        want.push(ours ?? { name: theirs.name, uid: 0n, version: 0n });
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
    if (!asked && this.#wanted.size >= MAX_DESCRIBED) this.#forgetWanted(now);
    this.#wanted.set(name, { version, until: now + WANT_PATIENCE_MS, of: link });
    return true;
  }

  /** Forgets what was not answered in time; if that is nothing, everything. */
  #forgetWanted(now: number): void {
    for (const [name, { until }] of this.#wanted) if (until <= now) this.#wanted.delete(name);
    if (this.#wanted.size >= MAX_DESCRIBED) this.#wanted.clear();
  }

  #onWant(link: SyncLink, versions: readonly PeerVersion[]): void {
    const { topology } = this.#host;
    const updates: Uint8Array[] = [];
    for (const theirs of versions.slice(0, MAX_GIVEN)) {
      const record = this.#record(theirs.name);
      if (!record) continue;
      const known = record.uid === theirs.uid && record === topology.get(theirs.name);
      const since = known ? topology.history(theirs.name)?.since(theirs.version) : undefined;
      updates.push(since ? encodeUpdate({ ...record, ...since, base: theirs.version }) : this.#encoded(record));
    }
    if (updates.length > 0) link.trySend(syncMessage(topology.self, encodeGive(updates)));
  }

  /** A record that came whole. Its bytes are kept for those who will ask us. */
  #whole(update: RecordUpdate): PeerRecord {
    const record = toRecord(update, []);
    if (update.encoded) this.#encodings.set(record, update.encoded);
    return record;
  }

  #onGive(link: SyncLink, updates: readonly RecordUpdate[]): void {
    const { topology } = this.#host;
    const records: PeerRecord[] = [];
    const misfits: PeerVersion[] = [];
    for (const update of updates) {
      const known = topology.get(update.name);
      if (update.base === undefined) records.push(this.#whole(update));
      else if (known && known.uid === update.uid && known.version === update.base) {
        records.push(toRecord(update, known.links));
      } else if (compareVersions(update, this.#version(update.name)) > 0) {
        misfits.push(this.#version(update.name) ?? { name: update.name, uid: 0n, version: 0n });
      }
    }
    for (const { name } of records) this.#wanted.delete(name);
    if (records.length > 0) this.#changed();
    this.onRecords(records, link.name);
    if (misfits.length > 0) this.#send(link, { kind: "want", versions: misfits });
  }
}

/** A sync payload as a protocol message. */
function syncMessage(self: PeerName, payload: Uint8Array): Uint8Array {
  return encodeEnvelope({ tag: Tag.gossip, channel: SYNC_CHANNEL, source: self, destination: 0, payload });
}
