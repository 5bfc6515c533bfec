/**
 * Decides which of the connections that others open may begin a handshake, and for how long it may last.
 *
 * Whoever opens a connection is a stranger until the handshake is complete. Strangers get little, and share it fairly: when
 * there is no room for a newcomer, the oldest handshake of the busiest host makes way. So a host that opens many silent
 * connections pushes out its own ones, and never those of a host that opens one. Hosts that have had a member on them before
 * get more time, and room of their own. (Weave Net 2.8 accepts one connection in every 50 ms, hostile ones included.)
 */
import { MeshError } from "../errors.ts";
import type { Clock } from "../ports.ts";
import { TokenBucket } from "../token-bucket.ts";

/** Handshakes of strangers under way at once. */
const MAX_STRANGERS = 192;
/** The same for hosts that have had a member on them: room that strangers cannot use. */
const MAX_MEMBERS = 64;
/** Handshakes under way of one host. */
const MAX_PER_HOST = 64;
/** Connections that one host may open. */
const HOST_RATE = { burst: 64, perSecond: 100 };
/** Connections that all strangers together may open. */
const STRANGERS_RATE = { burst: 128, perSecond: 200 };
/** Of those, kept for hosts that have opened few lately. */
const RESERVE = 64;
const FEW = HOST_RATE.burst / 2;
/** How long a handshake may last. Members may be slow: a mesh that restarts has many handshakes to make. */
const STRANGER_MS = 10_000;
const MEMBER_MS = 30_000;
/** Bytes that all handshakes together may keep. */
const MAX_BYTES = 4 * 2 ** 20;
/** Hosts that are remembered, for their rate and as hosts of members. */
const MAX_HOSTS = 4_096;

/** A handshake under way. */
export interface Handshaking {
  readonly host: string;
  readonly member: boolean;
  /** How long it may last. */
  readonly timeoutMs: number;
}

interface Entry extends Handshaking {
  readonly end: (why: MeshError) => void;
  bytes: number;
}

interface Host {
  readonly rate: TokenBucket;
  /** Oldest first. Bounded by: MAX_PER_HOST. */
  readonly underWay: Set<Entry>;
}

/** The door of a mesh. */
export class Acceptor {
  readonly #clock: Clock;
  readonly #strangersRate: TokenBucket;
  /** Bounded by: MAX_HOSTS. */
  readonly #hosts = new Map<string, Host>();
  /** Hosts that have had a member on them, the one longest ago first. Bounded by: MAX_HOSTS. */
  readonly #memberHosts = new Set<string>();
  /** Oldest first. Bounded by: MAX_STRANGERS, MAX_MEMBERS. */
  readonly #underWay = { strangers: new Set<Entry>(), members: new Set<Entry>() };
  #bytes = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#strangersRate = new TokenBucket(clock, STRANGERS_RATE);
  }

  /**
   * Counts a handshake in, or returns why it may not begin.
   *
   * @param end - called, until `done`, when the handshake has to make way
   */
  admit(hostName: string, end: (why: MeshError) => void): Handshaking | MeshError {
    const host = this.#host(hostName);
    const member = this.#memberHosts.has(hostName);
    if (!host.rate.take()) return throttled("this host opens too many connections in too short a time");
    const reserve = host.rate.level < FEW ? RESERVE : 0;
    if (!member && !this.#strangersRate.take(1, reserve)) {
      return throttled("too many connections in too short a time");
    }
    if (host.underWay.size >= MAX_PER_HOST) this.#endOldest(host.underWay);
    const kind = member ? this.#underWay.members : this.#underWay.strangers;
    if (kind.size >= (member ? MAX_MEMBERS : MAX_STRANGERS)) this.#endOldest(this.#busiest(kind));
    const entry = { host: hostName, member, timeoutMs: member ? MEMBER_MS : STRANGER_MS, end, bytes: 0 };
    host.underWay.add(entry);
    kind.add(entry);
    return entry;
  }

  /** Hosts that are remembered. */
  get hosts(): number {
    return this.#hosts.size;
  }

  #host(name: string): Host {
    let host = this.#hosts.get(name);
    if (!host) {
      if (this.#hosts.size >= MAX_HOSTS) this.#forgetHosts();
      host = { rate: new TokenBucket(this.#clock, HOST_RATE), underWay: new Set() };
      this.#hosts.set(name, host);
    }
    return host;
  }

  /** Forgets hosts that have nothing under way: all that have been quiet, or else the oldest one. */
  #forgetHosts(): void {
    const idle = [...this.#hosts].filter(([, { underWay }]) => underWay.size === 0);
    const quiet = idle.filter(([, { rate }]) => rate.isFull);
    for (const [name] of quiet.length > 0 ? quiet : idle.slice(0, 1)) this.#hosts.delete(name);
  }

  /** The handshakes of the host that has the most of a kind, oldest first. */
  #busiest(kind: ReadonlySet<Entry>): ReadonlySet<Entry> {
    let busiest: ReadonlySet<Entry> = kind;
    let most = 0;
    for (const { host } of kind) {
      const { underWay } = this.#hosts.get(host)!;
      if (underWay.size <= most) continue;
      most = underWay.size;
      busiest = underWay;
    }
    return busiest;
  }

  #endOldest(entries: ReadonlySet<Entry>): void {
    const [oldest] = entries;
    if (oldest) this.#end(oldest, "an unfinished handshake makes way for a newer one");
  }

  #end(entry: Entry, why: string): void {
    this.done(entry);
    entry.end(throttled(why));
  }

  /** A handshake keeps this many bytes in all. When all of them keep too much, the largest one ends. */
  keeps(handshake: Handshaking, bytes: number): void {
    const entry = handshake as Entry;
    if (!this.#isUnderWay(entry)) return;
    this.#bytes += bytes - entry.bytes;
    entry.bytes = bytes;
    if (this.#bytes <= MAX_BYTES) return;
    const all = [...this.#underWay.strangers, ...this.#underWay.members];
    this.#end(
      all.reduce((a, b) => (b.bytes > a.bytes ? b : a)),
      `unfinished handshakes keep more than ${MAX_BYTES} bytes, this one the most`,
    );
  }

  #isUnderWay(entry: Entry): boolean {
    return this.#underWay.strangers.has(entry) || this.#underWay.members.has(entry);
  }

  /** A handshake is over, one way or the other. Idempotent. */
  done(handshake: Handshaking): void {
    const entry = handshake as Entry;
    if (!this.#isUnderWay(entry)) return;
    this.#underWay.strangers.delete(entry);
    this.#underWay.members.delete(entry);
    this.#hosts.get(entry.host)?.underWay.delete(entry);
    this.#bytes -= entry.bytes;
  }

  /** A member has been seen at this host. */
  remember(hostName: string): void {
    this.#memberHosts.delete(hostName);
    this.#memberHosts.add(hostName);
    const [oldest] = this.#memberHosts;
    if (this.#memberHosts.size > MAX_HOSTS) this.#memberHosts.delete(oldest!);
  }
}

function throttled(reason: string): MeshError {
  return new MeshError("MESH_THROTTLED", reason);
}
