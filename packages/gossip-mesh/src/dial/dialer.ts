/**
 * Decides whom to dial. Direct targets come from people; others are found in the topology, or remembered from links that
 * have been lost. All of it is re-evaluated after each event, gathered for a moment, because in a storm there are thousands.
 */

import type { TargetError } from "../api.ts";
import type { DialEvents, MadeConnection } from "../connection/dial-events.ts";
import { discoveryLimit } from "../connection/limit.ts";
import type { MeshError } from "../errors.ts";
import type { Clock, PeerName, Random, Transport } from "../ports.ts";
import type { Topology } from "../topology/topology.ts";
import { hostOf } from "./address.ts";
import { type DirectTarget, DirectTargets } from "./direct-targets.ts";
import { Discovery } from "./discovery.ts";
import { KnownPeers } from "./known-peers.ts";
import {
  ANSWER_MS,
  afterFailure,
  answered,
  answerTimeoutMs,
  begin,
  newTarget,
  roomForAttempts,
  type Target,
  tryNow,
} from "./target.ts";
import { TieBreak } from "./tie-break.ts";

/** Events of the topology are gathered this long. */
const GATHER_MS = 100;
/** Ends of attempts, which let others begin, only this long. */
const SOON_MS = 10;
/** What the dialer is given. */
export interface DialerHost {
  readonly topology: Topology;
  readonly clock: Clock;
  readonly random: Random;
  readonly transport: Transport;
  readonly port: number;
  readonly discovery: boolean;
  readonly limit: number;
  /** Starts an attempt; its end is reported by `ended` or `connected`. `expected`: the only unknown peers that will do. */
  dial(address: string, expected: ReadonlySet<PeerName> | "anybody", timeoutMs?: number): void;
}

/** The dialer. */
export class Dialer implements DialEvents {
  readonly #host: DialerHost;
  readonly #direct: DirectTargets;
  /** By address. Bounded by: direct targets, reported links, lost peers. */
  readonly #targets = new Map<string, Target>();
  /** Bounded by: our connections. */
  readonly #connections = new Set<MadeConnection>();
  readonly #discovery: Discovery;
  readonly #tieBreak: TieBreak;
  readonly #known: KnownPeers;
  /** Which peer was found at an address. Bounded by: targets. */
  readonly #peerAt = new Map<string, PeerName>();
  #cancelTimer: (() => void) | undefined;
  #timerAt = Number.POSITIVE_INFINITY;
  #closed = false;

  constructor(host: DialerHost) {
    this.#host = host;
    this.#direct = new DirectTargets({ ...host, onResolved: () => this.evaluate(0) });
    this.#known = new KnownPeers(host.clock);
    this.#tieBreak = new TieBreak(host.topology, host.clock, host.random);
    this.#discovery = new Discovery(host.topology, host.clock, host.port);
  }

  /** Adds or replaces direct targets; resolves with what is wrong with some of them. */
  async connect(texts: readonly string[], replace: boolean): Promise<TargetError[]> {
    const errors: TargetError[] = [];
    const given = await this.#direct.read(texts, errors);
    if (this.#closed) return errors;
    if (replace) this.#remove([...this.#direct.all()].map(({ text }) => text));
    for (const direct of given) {
      this.#direct.add(direct);
      const address = this.#direct.addressOf(direct);
      if (address === undefined) continue;
      this.#known.allow(address);
      const target = this.#targets.get(address);
      if (target) tryNow(target, this.#host.clock.now());
    }
    this.evaluate(0);
    return errors;
  }

  forget(texts: readonly string[]): void {
    this.#remove(texts);
    this.evaluate(0);
  }

  /** Removes targets, and what is remembered of the peers that were found there. */
  #remove(texts: readonly string[]): void {
    for (const text of texts) {
      const direct = this.#direct.remove(text);
      const address = direct && this.#direct.addressOf(direct);
      if (address !== undefined) this.#known.forget(address);
    }
  }

  /** Literal texts of the direct targets. */
  texts(options: { readonly activeOnly: boolean }): string[] {
    const isActive = (direct: DirectTarget): boolean => {
      const address = this.#direct.addressOf(direct);
      const target = address === undefined ? undefined : this.#targets.get(address);
      return target?.tryAt !== Number.POSITIVE_INFINITY;
    };
    return [...this.#direct.all()].filter((direct) => !options.activeOnly || isActive(direct)).map(({ text }) => text);
  }

  /** Targets that we want and are not connected to, for the status. */
  *unconnected(): Generator<Target> {
    for (const direct of this.#direct.all()) {
      const { text, error, lookupAt } = direct;
      if (direct.ip === undefined && error) yield { ...newTarget(text, lookupAt), lastError: error };
    }
    for (const target of this.#targets.values()) {
      if (target.state === "waiting" || target.state === "attempting") yield target;
    }
  }

  /** A connection has been registered. */
  connected(connection: MadeConnection): void {
    this.#connections.add(connection);
    if (connection.outbound) this.#known.remember(connection.peer, connection.address);
    else this.#known.remember(connection.peer, `${hostOf(connection.address)}:${this.#host.port}`, { guess: true });
    const target = connection.outbound ? this.#targets.get(connection.address) : undefined;
    if (target) target.state = "connected";
    this.evaluate(GATHER_MS);
  }

  /** The address leads to this peer: a direct target that does is not dialled while the peer is a neighbour some other way. */
  identified(address: string, peer: PeerName): void {
    this.#peerAt.set(address, peer);
  }

  /** An attempt has got as far as the handshake. */
  answered(address: string): void {
    const target = this.#targets.get(address);
    if (target) answered(target, this.#host.clock.now());
  }

  /** A registered connection has ended, or an attempt has failed before it was one. */
  ended(connection: Pick<MadeConnection, "address" | "outbound">, error: MeshError): void {
    this.#connections.delete(connection as MadeConnection);
    const target = connection.outbound ? this.#targets.get(connection.address) : undefined;
    if (target) {
      afterFailure(target, error, this.#host.clock.now(), this.#host.random);
      this.#direct.lookUpAgain(connection.address);
    }
    this.evaluate(SOON_MS);
  }

  /** Looks at everything again, in `delayMs` at the latest. */
  evaluate(delayMs: number = GATHER_MS): void {
    const at = this.#host.clock.now() + delayMs;
    if (this.#closed || at >= this.#timerAt) return;
    this.#cancelTimer?.();
    this.#timerAt = at;
    this.#cancelTimer = this.#host.clock.after(delayMs, () => {
      this.#timerAt = Number.POSITIVE_INFINITY;
      this.#cancelTimer = undefined;
      this.#evaluateNow();
    });
  }

  #evaluateNow(): void {
    const wanted = new Map<string, Set<PeerName> | "anybody">();
    const connected = new Set([...this.#connections].map(({ address }) => address));
    const direct = this.#addDirect(wanted, connected);
    if (this.#host.discovery && this.#connections.size < discoveryLimit(this.#host.limit)) {
      this.#addDiscovered(wanted, connected);
    }
    for (const [address, expected] of wanted) {
      if (this.#targets.has(address)) continue;
      const target = newTarget(address, this.#host.clock.now());
      this.#tieBreak.begin(target, expected);
      this.#targets.set(address, target);
    }
    this.#attemptDue(wanted, direct);
  }

  /** All direct targets that are not connected. Returns the addresses of all of them. */
  #addDirect(wanted: Map<string, Set<PeerName> | "anybody">, connected: ReadonlySet<string>): Set<string> {
    const neighbours = this.#neighbours();
    const inboundHosts = new Set([...this.#connections].filter((c) => !c.outbound).map((c) => hostOf(c.address)));
    const all = new Set<string>();
    for (const direct of this.#direct.all()) {
      const address = this.#direct.addressOf(direct);
      if (address === undefined) continue;
      all.add(address);
      // Without a port we cannot know whether the peer that dialled us from there is the one that was meant: it is, likely.
      if (direct.port === undefined && inboundHosts.has(direct.ip!)) continue;
      const peer = this.#peerAt.get(address);
      if (peer !== undefined && neighbours.has(peer)) continue;
      if (!connected.has(address)) wanted.set(address, "anybody");
    }
    return all;
  }

  /** Peers that others are connected to, and we are not; then peers that we have lost. */
  #addDiscovered(wanted: Map<string, Set<PeerName> | "anybody">, connected: ReadonlySet<string>): void {
    const { topology } = this.#host;
    const want = (address: string, name: PeerName): void => {
      if (connected.has(address)) return;
      const expected = wanted.get(address) ?? new Set<PeerName>();
      if (expected !== "anybody") wanted.set(address, expected.add(name));
    };
    for (const [name, addresses] of this.#discovery.others(this.#neighbours())) {
      for (const address of addresses) want(address, name);
    }
    for (const [name, address] of this.#known.missing((peer) => topology.get(peer) !== undefined)) want(address, name);
  }

  #neighbours(): Set<PeerName> {
    return new Set([...this.#connections].map(({ peer }) => peer));
  }

  #attemptDue(wanted: ReadonlyMap<string, Set<PeerName> | "anybody">, direct: ReadonlySet<string>): void {
    const now = this.#host.clock.now();
    const due: Target[] = [];
    let next = Number.POSITIVE_INFINITY;
    for (const [address, target] of this.#targets) {
      if (target.state === "attempting" || target.state === "connected") continue;
      const expected = wanted.get(address);
      if (!expected) {
        // What has failed is remembered for as long as it is to be left alone, or it would come back as if it were new.
        if (direct.has(address) || (target.lastError && Math.max(target.tryAt, target.lostUntil) > now))
          target.state = "suspended";
        else {
          this.#targets.delete(address);
          this.#peerAt.delete(address);
        }
        continue;
      }
      target.state = "waiting";
      // A sum of times may round to just before the time meant: less than a millisecond early is due.
      if (target.tryAt <= now + 1) this.#tieBreak.prolong(target, expected);
      if (target.tryAt > now + 1) next = Math.min(next, target.tryAt);
      else due.push(target);
    }
    if (!this.#attemptSome(due, wanted, now)) next = Math.min(next, now + ANSWER_MS);
    if (next !== Number.POSITIVE_INFINITY) this.evaluate(next - now);
  }

  /** Starts as many attempts as may be under way, in no order: peers that all begin with the same one would queue there. */
  #attemptSome(due: Target[], wanted: ReadonlyMap<string, Set<PeerName> | "anybody">, now: number): boolean {
    let room = roomForAttempts(this.#targets.values(), now);
    for (; due.length > 0 && room > 0; room--) {
      const at = Math.floor(this.#host.random() * due.length);
      const target = due[at]!;
      due[at] = due.at(-1)!;
      due.pop();
      begin(target, now);
      const timeoutMs = answerTimeoutMs(target, now);
      this.#host.dial(target.address, wanted.get(target.address)!, timeoutMs);
    }
    return due.length === 0;
  }

  close(): void {
    this.#closed = true;
    this.#cancelTimer?.();
    this.#direct.close();
  }
}
