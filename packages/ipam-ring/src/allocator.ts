import { type Cidr, formatCidr, formatIpv4, hostRange, parseIpv4, subnetRange } from "./address.ts";
import type { OwnedAddresses } from "./books.ts";
import { createHandler, createTransport } from "./channel.ts";
import { CONSENT_CHANNEL, decodeConsent, encodeConsent } from "./consent-wire.ts";
import { AllocatorCore } from "./core.ts";
import { TICK_MS } from "./core-options.ts";
import { alignedDonation, originalDonation } from "./donation.ts";
import { RingError } from "./errors.ts";
import { type AllocatorOptions, type ParsedOptions, parseOptions } from "./options.ts";
import { parsePeer } from "./peer-text.ts";
import type { GossipHandler, GossipSender, OwnedRange, PeerName } from "./ports.ts";
import { createReclaimer } from "./reclaim.ts";
import type { RequestOptions, Settle } from "./request.ts";
import { allRanges } from "./ring.ts";
import type { Saved } from "./saved.ts";
import { createSaver, loadSaved } from "./saver.ts";
import { type IpamStatus, statusOf } from "./status.ts";
import type { TakeoverOutcome } from "./takeover.ts";
import type { Explanation } from "./waiting.ts";
import { ALLOCATION_CHANNEL, decodeState, decodeUnicast, encodeState } from "./wire.ts";

/** Options of a request. */
export interface WaitOptions extends RequestOptions {
  /** Ends the wait: the promise rejects with code CANCELLED. */
  readonly signal?: AbortSignal;
}

/** What joining another network did to this host's addresses. */
export interface JoinResult {
  readonly kept: readonly string[];
  /** In use there, too: the containers here must be given others. */
  readonly conflicts: readonly string[];
}

/** Addresses for the containers of one host. See {@link createAllocator}. */
export interface Allocator {
  /** Channel `IPallocation`: what to do with its gossip. */
  readonly gossip: GossipHandler;
  /** Channel `IPtakeover`, ours alone; without it a take-over asks nobody, as the original's. */
  readonly consent: GossipHandler;
  readonly defaultSubnet: Cidr;
  /** Connects the channels; call before {@link Allocator.start}. */
  attach(sender: GossipSender, consent?: GossipSender): void;
  /** Starts: claims what is left of an earlier life, announces itself, ticks every 5 s. */
  start(): void;
  /**
   * An address for an ident; the same again while it holds one in the subnet. Ident `_` files it under its own text.
   *
   * @throws RingError CANCELLED, OUT_OF_RANGE, INVALID; ADDRESS_TAKEN for a reserved ident only
   */
  allocate(ident: string, subnet?: Cidr, options?: WaitOptions): Promise<Cidr>;
  /**
   * This very address for an ident. Outside the universe it is only written down.
   *
   * @throws RingError CANCELLED, ADDRESS_TAKEN, INVALID
   */
  claim(ident: string, cidr: Cidr, options?: WaitOptions): Promise<void>;
  /** Addresses of an ident in a subnet, whose first and last address do not count. */
  lookup(ident: string, subnet?: Cidr): Cidr[];
  /** Everything handed out here, in the order of asking. */
  owned(): OwnedAddresses[];
  /** Takes one address or all from an ident. @throws RingError NOT_HELD */
  release(ident: string, address?: string): void;
  /** Its addresses are kept for 30 s, its requests cancelled. */
  containerDied(ident: string): void;
  /** Its addresses are free at once. */
  containerDestroyed(ident: string): void;
  containerStarted(ident: string): void;
  /** Releases containers' addresses whose ident is not among the living; for the start, when deaths may have been missed. */
  keepOnly(idents: Iterable<string>): void;
  /** Resolves when there is a ring; starts the vote if there is none. @throws RingError CANCELLED */
  ready(signal?: AbortSignal): Promise<void>;
  /** Hands all space to another peer, refuses requests from now on. Resolves when saved and sent. */
  leave(): Promise<void>;
  /**
   * Takes over the space of a dead peer, by nickname or name; the number of addresses gained. 0 if there is nothing to gain,
   * or another peer takes it. Waits for the consent of all members not removed themselves; see `explain`.
   *
   * @throws RingError PEER_ALIVE, CANCELLED (the take-over goes on)
   */
  takeOver(who: string, options?: { readonly signal?: AbortSignal }): Promise<number>;
  /** Gives our ring up for that of a network seeded apart, keeping every address that is free there. @throws RingError NO_FOREIGN_RING */
  join(): Promise<JoinResult>;
  /** Who owns what. */
  ranges(): OwnedRange[];
  /** Called after every change of the ring, once it is saved. Returns how to stop it. */
  onRangesChanged(fn: () => void): () => void;
  /** The mesh has forgotten a peer. */
  peerGone(peer: PeerName): void;
  status(): IpamStatus;
  /** Why requests wait or waited; those of one ident, if given. */
  explain(ident?: string): Explanation[];
  /** Called when a request starts to wait, or waits for something else. Returns how to stop it. */
  onWaiting(fn: (explanation: Explanation) => void): () => void;
  /** Stops timers and cancels requests; the ring stays ours. Idempotent. */
  close(): void;
}

/**
 * Makes the allocator of one host from its saved state.
 *
 * @throws RingError INVALID, STATE_UNUSABLE
 */
export async function createAllocator(options: AllocatorOptions): Promise<Allocator> {
  const parsed = parseOptions(options);
  return assemble(options, parsed, await loadSaved(options));
}

/** A set of listeners, each with its own end. */
function listeners<T extends unknown[]>(): { add(fn: (...args: T) => void): () => void; call(...args: T): void } {
  const set = new Set<(...args: T) => void>();
  return {
    add(fn) {
      set.add(fn);
      return () => void set.delete(fn);
    },
    call: (...args) => {
      for (const fn of set) fn(...args);
    },
  };
}

function makeCore(
  options: AllocatorOptions,
  parsed: ParsedOptions,
  senders: ReadonlyMap<string, GossipSender>,
  onRing: () => void,
): AllocatorCore {
  const { clock, logger, metrics } = options;
  const original = options.donation === "original";
  return new AllocatorCore({
    ...options,
    universe: parsed.universe,
    avoid: parsed.avoid,
    reservations: parsed.reservations,
    transport: createTransport(senders),
    now: () => clock.now(),
    unixSeconds: options.unixSeconds ?? (() => clock.now() / 1000),
    donate: original ? originalDonation : alignedDonation,
    tidy: !original,
    mixed: options.mixed ?? true,
    save: createSaver(options),
    onRing,
    onConflict: ({ code, message }, from) => {
      metrics?.count("ipam_ring_conflicts_total", 1, { code });
      logger?.warn(message, { code, from });
    },
  });
}

function assemble(options: AllocatorOptions, parsed: ParsedOptions, saved: Saved | undefined): Allocator {
  const { clock, logger, metrics } = options;
  /** Bounded by: the two channels. */
  const senders = new Map<string, GossipSender>();
  const changed = listeners<[]>();
  const waiting = listeners<[Explanation]>();
  const core = makeCore(options, parsed, senders, () => changed.call());
  core.requests.onWaiting = (explanation) => waiting.call(explanation);
  const { defaultSubnet } = parsed;
  const reclaimer = createReclaimer(core, options);
  let stopTick: (() => void) | undefined;
  const tick = (): void => {
    core.tick();
    reclaimer.tick();
    if (metrics) reportMetrics(core, options);
    stopTick = clock.after(TICK_MS, tick);
  };
  const wait = <T>(signal: AbortSignal | undefined, begin: (settle: Settle<T>) => () => void): Promise<T> =>
    waitFor(signal, begin);
  const report = { logger, metrics };

  return {
    gossip: createHandler(
      ALLOCATION_CHANNEL,
      {
        unicast: (source, payload) => core.receiveUnicast(source, decodeUnicast(payload)),
        state: (source, payload) => core.receiveState(source, decodeState(payload)),
        encode: () => encodeState(core.state()),
      },
      report,
    ),
    consent: createHandler(
      CONSENT_CHANNEL,
      {
        unicast: (source, payload) => receiveConsent(core, source, payload),
        state: (source, payload) => receiveConsent(core, source, payload),
        encode: () => encodeConsent(core.takeovers.hello()),
      },
      report,
    ),
    defaultSubnet,
    attach(sender, consent) {
      senders.set(ALLOCATION_CHANNEL, sender);
      if (consent) senders.set(CONSENT_CHANNEL, consent);
    },
    start() {
      const restored = core.start(saved);
      logger?.info(restored ? "address state restored" : "address state begins afresh", { init: options.init.kind });
      stopTick ??= clock.after(TICK_MS, tick);
    },
    allocate: (ident, subnet = defaultSubnet, more = {}) =>
      wait<Cidr>(more.signal, (settle) => core.requests.allocate(ident, subnet, more, settle)),
    claim: async (ident, cidr, more = {}) => {
      await wait<Cidr>(more.signal, (settle) => core.requests.claim(ident, cidr, more, settle));
    },
    lookup: (ident, subnet = defaultSubnet) =>
      core.books.addressesOf(ident, hostRange(subnetRange(subnet))).map(({ cidr }) => cidr),
    owned: () => core.books.list(),
    release: (ident, address) => release(core, ident, address),
    containerDied(ident) {
      if (core.books.isContainer(ident)) core.books.markDead(ident, clock.now());
      core.requests.cancelFor(ident);
      core.outbox.pump();
    },
    containerDestroyed(ident) {
      if (!core.books.isContainer(ident)) return;
      core.books.revive(ident);
      core.requests.releaseAll(ident);
    },
    containerStarted: (ident) => void core.books.revive(ident),
    keepOnly(idents) {
      const living = new Set(idents);
      for (const { ident, isContainer } of core.books.list()) {
        if (isContainer && !living.has(ident)) core.requests.releaseAll(ident);
      }
    },
    ready: async (signal) => {
      await wait<Cidr>(signal, (settle) => core.requests.prime(settle));
    },
    leave: () => new Promise((resolve) => core.leave(resolve)),
    takeOver: (who, more = {}) => takeOver(core, who, more.signal),
    join: () => join(core),
    ranges: () => allRanges(core.ring).map(({ start, end, peer }) => ({ start, end, peer })),
    onRangesChanged: (fn) => changed.add(fn),
    peerGone: (peer) => core.peerGone(peer),
    status: () => statusOf(core, formatCidr(defaultSubnet)),
    explain: (ident) => [...core.requests.explain(ident), ...reclaimer.explain(ident)],
    onWaiting: (fn) => waiting.add(fn),
    close() {
      stopTick?.();
      core.requests.cancelAll();
      core.outbox.pump();
    },
  };
}

function receiveConsent(core: AllocatorCore, source: PeerName | undefined, payload: Uint8Array): void {
  const message = decodeConsent(payload);
  if (message) core.receiveConsent(source, message);
}

function waitFor<T>(signal: AbortSignal | undefined, begin: (settle: Settle<T>) => () => void): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(new RingError("CANCELLED", "request cancelled"));
    let cancel: () => void = () => {};
    const onAbort = (): void => cancel();
    signal?.addEventListener("abort", onAbort, { once: true });
    const settle: Settle<T> = (result) => {
      signal?.removeEventListener("abort", onAbort);
      if ("value" in result) resolve(result.value);
      else reject(result.error);
    };
    try {
      cancel = begin(settle);
    } catch (error) {
      signal?.removeEventListener("abort", onAbort);
      reject(error);
    }
  });
}

function release(core: AllocatorCore, ident: string, address: string | undefined): void {
  if (address === undefined) {
    if (core.requests.releaseAll(ident) === 0) throw new RingError("NOT_HELD", `Delete: no addresses for ${ident}`);
    return;
  }
  const value = parseIpv4(address);
  if (value === undefined) throw new RingError("INVALID", `invalid IP address: ${address}`);
  core.requests.release(ident, value);
}

/** By nickname, first match, else by name, as the original looks it up. */
function findPeer(core: AllocatorCore, who: string): PeerName | undefined {
  for (const [peer, nickname] of core.acquaintances.nicknames) if (nickname === who) return peer;
  return parsePeer(who);
}

function takeOver(core: AllocatorCore, who: string, signal: AbortSignal | undefined): Promise<number> {
  const peer = findPeer(core, who);
  const known = peer !== undefined && (core.takeovers.members().includes(peer) || ownsSpace(core, peer));
  if (peer === undefined || peer === core.options.name || !known) return Promise.resolve(0);
  return waitFor(signal, (settle) => {
    core.takeovers.claim(peer, (outcome) => core.outbox.after(() => settle(toResult(peer, outcome))));
    core.outbox.pump();
    return () => settle({ error: new RingError("CANCELLED", `no longer waiting for the take-over of ${who}`) });
  });
}

function ownsSpace({ ring }: AllocatorCore, peer: PeerName): boolean {
  return ring.entries.some((entry) => entry.peer === peer);
}

function toResult(peer: PeerName, outcome: TakeoverOutcome): Parameters<Settle<number>>[0] {
  if ("taken" in outcome) return { value: outcome.taken };
  if (outcome.refused !== peer) return { value: 0 };
  return { error: new RingError("PEER_ALIVE", "the peer answered that it is alive") };
}

function join(core: AllocatorCore): Promise<JoinResult> {
  return new Promise((resolve, reject) => {
    const kept = core.books.list().flatMap(({ addresses }) => addresses.map(({ address }) => address));
    const conflicts: string[] = [];
    let open = Number.POSITIVE_INFINITY;
    const finish = (): void => {
      if (open === 0) resolve({ kept: kept.filter((address) => !conflicts.includes(address)), conflicts });
    };
    try {
      const strays = core.joinForeign((address, isKept) => {
        if (!isKept) conflicts.push(formatIpv4(address));
        open--;
        finish();
      });
      // Answers wait for the disk, so none has come yet.
      open = strays.length;
      finish();
    } catch (error) {
      reject(error);
    }
  });
}

function reportMetrics(core: AllocatorCore, { metrics, name }: AllocatorOptions): void {
  const { unreachable } = statusOf(core, "");
  metrics?.gauge("weave_ips", core.space.used, { state: "local-used" });
  metrics?.gauge("weave_ipam_unreachable_count", unreachable.addresses);
  metrics?.gauge("weave_ipam_unreachable_percentage", unreachable.percentage);
  metrics?.gauge("weave_ipam_pending_allocates", core.requests.list("allocate").length);
  metrics?.gauge("weave_ipam_pending_claims", core.requests.list("claim").length);
  metrics?.gauge("ipam_ring_entries", core.ring.entries.filter(({ peer }) => peer === name).length);
}
