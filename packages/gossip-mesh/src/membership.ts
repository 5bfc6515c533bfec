/** Who is in the mesh: merges what neighbours say, tells of own changes, forgets who is unreachable, tells the program. */
import type { PeerEvent } from "./api.ts";
import { MeshError } from "./errors.ts";
import type { ChannelHandler } from "./gossip/channels.ts";
import { TopologyData } from "./gossip/topology-data.ts";
import { Listeners } from "./listeners.ts";
import type { Clock, PeerName, RouteTables } from "./ports.ts";
import { Routes, sameTables } from "./routing/routes.ts";
import { faultOf, MAX_LEAD } from "./topology/bounds.ts";
import { NewsBudgets } from "./topology/news-budget.ts";
import { decodeRecords } from "./topology/payload.ts";
import type { PeerRecord } from "./topology/record.ts";
import type { Topology } from "./topology/topology.ts";

/**
 * Changes of our own record are told when so many looks in a row have found no other. Looks, not time: a program that is
 * late has not seen calm, only less.
 */
const CALM_LOOKS = 4;
const LOOK_MS = 250;
/** Even without calm they are told after so many, more for each link: who has many would tell many, again and again. */
const MOST_LOOKS = 4;
const MOST_LOOKS_PER_LINK = 0.4;
/**
 * A link that came or went is told without a look first, because frames wait for it; so many times at once, then once in a
 * while. A storm, such as everybody starting together, is told of by the above.
 */
const PROMPT_TELLS = 4;
const PROMPT_REFILL_MS = 10_000;
/** What changes at about the same time is told together. */
const PROMPT_DELAY_MS = 10;
/** An incarnation of our name that has been outgrown this often is alive. */
const RIVAL_TIMES = 3;
const MAX_RIVALS = 64;
/** Unreachable peers are looked for this long after news. */
const COLLECT_DELAY_MS = 1_000;
/** Listeners to routes hear of a change at once, and of more at most this often. */
const ROUTES_INTERVAL_MS = 100;
/** Routes are worked out in turns of this length; after so many, at once: the topology may change faster than that. */
const ROUTES_TURN_MS = 5;
const MAX_ROUTES_TURNS = 100;

/** What the membership needs from its mesh. */
export interface MembershipHost {
  readonly topology: Topology;
  readonly clock: Clock;
  onListenerError(error: unknown): void;
  /** What a neighbour says of a peer is beyond bounds. */
  onRefused(neighbour: PeerName, about: PeerName, fault: string): void;
  /** Another living host announces itself under our name. */
  onNameTaken(other: PeerRecord): void;
}

/** The membership of one mesh. */
export class Membership {
  readonly routes: Routes;
  /** Our own record has to be announced, and those of some neighbours. */
  readonly onAnnounce: Listeners<[ReadonlySet<PeerName>]>;
  /** Something has changed that dialling may depend on. */
  readonly onChanged: Listeners<[]>;
  readonly onRoutesChanged: Listeners<[]>;
  readonly onPeerGone: Listeners<[PeerEvent]>;
  readonly onPeerSeen: Listeners<[PeerEvent]>;
  readonly #host: MembershipHost;
  readonly #budgets: NewsBudgets;
  /** How often each other incarnation of our name was outgrown. Bounded by: MAX_RIVALS. */
  readonly #rivals = new Map<bigint, number>();
  /** The version that each neighbour itself has named last. Bounded by: connections. */
  readonly #ownWords = new Map<PeerName, bigint>();
  /** Peers told of by onPeerSeen. Bounded by: peers of the topology. */
  readonly #seen = new Set<PeerName>();
  /** Peers to name in the next update. Bounded by: our connections within a second. */
  readonly #update = new Set<PeerName>();
  /** Counts changes of our own record. */
  #changes = 0;
  #cancelUpdate: (() => void) | undefined;
  /** Links that may still be told of at once; when it was last refilled. */
  #prompt = PROMPT_TELLS;
  #refilledAt: number;
  #cancelCollect: (() => void) | undefined;
  #cancelRoutes: (() => void) | undefined;
  /** When routes were last worked out for listeners. */
  #routesAt = Number.NEGATIVE_INFINITY;
  #told: RouteTables | undefined;
  #closed = false;

  constructor(host: MembershipHost) {
    this.#host = host;
    this.#budgets = new NewsBudgets(host.clock);
    this.#refilledAt = host.clock.now();
    this.routes = new Routes(host.topology);
    this.onAnnounce = new Listeners(host.onListenerError);
    this.onChanged = new Listeners(host.onListenerError);
    this.onRoutesChanged = new Listeners(host.onListenerError);
    this.onPeerGone = new Listeners(host.onListenerError);
    this.onPeerSeen = new Listeners(host.onListenerError);
    this.#seen.add(host.topology.self);
  }

  /** The topology channel. */
  get handler(): ChannelHandler {
    const { topology } = this.#host;
    const data = (names: Iterable<PeerName>): TopologyData => new TopologyData(topology, names);
    return {
      onUnicast: () => {
        throw new MeshError("MESH_GOSSIP", "the topology channel has no unicasts");
      },
      onBroadcast: (_source, payload, from) => {
        const { received } = this.merge(this.#decode(payload), from);
        return received.length > 0 ? data(received) : undefined;
      },
      onGossip: (payload, from) => {
        const { changed } = this.merge(this.#decode(payload), from);
        return changed.length > 0 ? data(changed) : undefined;
      },
      gossip: () => data(topology.names()),
    };
  }

  #decode(payload: Uint8Array): PeerRecord[] {
    return decodeRecords(payload, (described) => this.#host.topology.isNews(described));
  }

  /**
   * Merges an update that a neighbour has sent. Passing on is the caller's business.
   *
   * @throws MeshError MESH_FLOOD if the neighbour brings too much
   */
  merge(
    update: readonly PeerRecord[],
    from: PeerName,
  ): { readonly received: readonly PeerName[]; readonly changed: readonly PeerName[] } {
    const { topology } = this.#host;
    const { received, changed, selfChanged, rival } = topology.apply(this.#vet(update, from));
    if (rival) this.#noteRival(rival);
    if (selfChanged) this.ownChange();
    this.#cancelCollect ??= this.#host.clock.after(COLLECT_DELAY_MS, () => {
      this.#cancelCollect = undefined;
      this.collect();
    });
    if (changed.length > 0) {
      for (const name of changed) this.noteSeen(name);
      this.onChanged.emit();
      this.routesMayDiffer();
    }
    return { received, changed };
  }

  /**
   * Another life of ours was outgrown. An earlier life says nothing any more, so it takes one outgrowing; a host that lives
   * outgrows us in turn.
   */
  #noteRival(rival: PeerRecord): void {
    const times = (this.#rivals.get(rival.uid) ?? 0) + 1;
    if (this.#rivals.size >= MAX_RIVALS) this.#rivals.clear();
    this.#rivals.set(rival.uid, times);
    if (times === RIVAL_TIMES) this.#host.onNameTaken(rival);
  }

  /** The records of an update that are within bounds. Refused ones take nothing along. */
  #vet(update: readonly PeerRecord[], from: PeerName): PeerRecord[] {
    const { topology } = this.#host;
    let peers = 0;
    let links = 0;
    const records = update.filter((record) => {
      const fault = faultOf(record) ?? this.#leads(record, from);
      if (fault) {
        this.#host.onRefused(from, record.name, fault);
        return false;
      }
      if (!topology.isNews(record)) return true;
      if (!topology.get(record.name)) peers++;
      links += record.links.length;
      return true;
    });
    this.#budgets.charge(from, { peers, links });
    return records;
  }

  /** A neighbour's own word is the measure for what others say of it: a version far beyond it is a forged one. */
  #leads(record: PeerRecord, from: PeerName): string | undefined {
    if (record.name === from) {
      this.#ownWords.set(from, record.version);
      return undefined;
    }
    const own = this.#ownWords.get(record.name);
    return own !== undefined && record.version > own + MAX_LEAD
      ? `a version of ${record.version}, where the peer itself is at ${own}`
      : undefined;
  }

  /** A connection has ended: its peer may come back with another life's versions. */
  forgetWord(name: PeerName): void {
    this.#ownWords.delete(name);
  }

  /** Tells the program of a peer described for the first time. */
  noteSeen(name: PeerName): void {
    const record = this.#host.topology.get(name);
    if (!record || record.uid === 0n || this.#seen.has(name)) return;
    this.#seen.add(name);
    this.onPeerSeen.emit({ name, nickname: record.nickname });
  }

  /** Our own record has changed: an update follows, naming also some others. */
  ownChange(...others: PeerName[]): void {
    if (this.#closed) return;
    for (const name of others) this.#update.add(name);
    this.#changes++;
    if (!this.#cancelUpdate) this.#tellWhenCalm(0, 0);
  }

  /** One of our links came into use, or went: others hear of it at once, unless there is much of it. */
  linkChange(): void {
    if (this.#closed) return;
    if (!this.#mayTellPromptly()) return this.ownChange();
    this.#cancelUpdate?.();
    this.#cancelUpdate = this.#host.clock.after(PROMPT_DELAY_MS, () => this.#tell());
  }

  #mayTellPromptly(): boolean {
    const refills = Math.floor((this.#host.clock.now() - this.#refilledAt) / PROMPT_REFILL_MS);
    this.#refilledAt += refills * PROMPT_REFILL_MS;
    this.#prompt = Math.min(PROMPT_TELLS, this.#prompt + refills);
    if (this.#prompt === 0) return false;
    this.#prompt--;
    return true;
  }

  #tell(): void {
    this.#cancelUpdate = undefined;
    const names = new Set([this.#host.topology.self, ...this.#update]);
    this.#update.clear();
    this.onAnnounce.emit(names);
  }

  #tellWhenCalm(calmLooks: number, looks: number): void {
    const { clock, topology } = this.#host;
    const changes = this.#changes;
    this.#cancelUpdate = clock.after(LOOK_MS, () => {
      const most = MOST_LOOKS + MOST_LOOKS_PER_LINK * topology.own.links.length;
      const calm = this.#changes === changes ? calmLooks + 1 : 0;
      if (calm < CALM_LOOKS && looks + 1 < most) this.#tellWhenCalm(calm, looks + 1);
      else this.#tell();
    });
  }

  /** Forgets peers that cannot be reached any more. */
  collect(): void {
    const { removed, selfChanged } = this.#host.topology.collect();
    if (removed.length === 0) return;
    for (const { name, nickname } of removed) {
      this.#update.delete(name);
      if (this.#seen.delete(name)) this.onPeerGone.emit({ name, nickname });
    }
    if (selfChanged) this.ownChange();
    this.onChanged.emit();
    this.routesMayDiffer();
  }

  /** Listeners hear of it, soon, if routes really differ. Without listeners nothing is worked out. */
  routesMayDiffer(): void {
    if (this.onRoutesChanged.size === 0 || this.#closed) return;
    const { clock } = this.#host;
    const delayMs = Math.max(0, this.#routesAt + ROUTES_INTERVAL_MS - clock.now());
    this.#cancelRoutes ??= clock.after(delayMs, () => this.#workOutRoutes(0));
  }

  #workOutRoutes(turns: number): void {
    const { clock } = this.#host;
    if (!this.routes.prepare(clock, ROUTES_TURN_MS) && turns < MAX_ROUTES_TURNS) {
      this.#cancelRoutes = clock.after(0, () => this.#workOutRoutes(turns + 1));
      return;
    }
    this.#cancelRoutes = undefined;
    this.#routesAt = clock.now();
    const tables = this.routes.tables();
    if (this.#told && sameTables(this.#told, tables)) return;
    this.#told = tables;
    this.onRoutesChanged.emit();
  }

  close(): void {
    this.#closed = true;
    this.#cancelUpdate?.();
    this.#cancelCollect?.();
    this.#cancelRoutes?.();
  }
}
