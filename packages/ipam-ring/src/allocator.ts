import type { Allocator } from "./api.ts";
import { AllocatorCore } from "./core/core.ts";
import type { Saved } from "./durability/saved.ts";
import { createSaver, loadSaved } from "./durability/saver.ts";
import { StoreHealth } from "./durability/store-health.ts";
import { join, reclaim, release, waitFor } from "./operations.ts";
import { type AllocatorOptions, type ParsedOptions, parseOptions } from "./options.ts";
import { formatPeer } from "./peer-name.ts";
import type { GossipSender, PeerName } from "./ports.ts";
import { createAutoReclaim } from "./reclaim/auto-reclaim.ts";
import { describeWait, type Explanation } from "./requests/waiting.ts";
import { alignedGrants, legacyGrants } from "./ring/grant-policy.ts";
import { allRanges } from "./ring/ring.ts";
import { type Cidr, formatCidr, formatRange, hostRange, subnetRange } from "./space/address.ts";
import { statusOf } from "./status.ts";
import { TICK_MS } from "./timing.ts";
import { ALLOCATION_CHANNEL, decodeState, decodeUnicast, encodeState } from "./wire/allocation-wire.ts";
import { createHandler, createTransport } from "./wire/channel.ts";
import { CONSENT_CHANNEL, decodeConsent, encodeConsent } from "./wire/consent-wire.ts";

/** While a start waits for peers, it looks this often (ms). */
const STARTUP_POLL_MS = 100;

/**
 * Creates the allocator of one host from its saved state.
 *
 * @throws RingError INVALID, STATE_UNUSABLE
 */
export async function createAllocator(options: AllocatorOptions): Promise<Allocator> {
  const parsed = parseOptions(options);
  return assemble(options, parsed, await loadSaved(options));
}

/** A set of listeners, each with its own unsubscribe function. */
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

function createCore(
  options: AllocatorOptions,
  parsed: ParsedOptions,
  senders: ReadonlyMap<string, GossipSender>,
  hooks: { readonly health: StoreHealth; readonly onRing: () => void },
): AllocatorCore {
  const { clock, logger, metrics } = options;
  const legacy = options.grants === "legacy";
  return new AllocatorCore({
    ...options,
    universe: parsed.universe,
    avoid: parsed.avoid,
    reservations: parsed.reservations,
    transport: createTransport(senders),
    now: () => clock.now(),
    unixSeconds: options.unixSeconds ?? (() => clock.now() / 1000),
    grantPolicy: legacy ? legacyGrants : alignedGrants,
    tidy: !legacy,
    mixed: options.mixed ?? true,
    save: createSaver(options, hooks.health),
    onRing: hooks.onRing,
    onConflict: ({ code, message }, from) => {
      metrics?.count("ipam_ring_conflicts_total", 1, { code });
      logger?.warn(message, { code, from });
    },
  });
}

function createHandlers(core: AllocatorCore, options: AllocatorOptions): Pick<Allocator, "gossip" | "consent"> {
  const report = { logger: options.logger, metrics: options.metrics };
  const onConsent = (source: PeerName | undefined, payload: Uint8Array): void => {
    const message = decodeConsent(payload);
    if (message) core.receiveConsent(source, message);
  };
  return {
    gossip: createHandler(
      ALLOCATION_CHANNEL,
      {
        unicast: (source, payload, neighbour) => core.receiveUnicast(source, decodeUnicast(payload), neighbour),
        state: (source, payload, neighbour) => core.receiveState(source, decodeState(payload), neighbour),
        encode: () => encodeState(core.state()),
      },
      report,
    ),
    consent: createHandler(
      CONSENT_CHANNEL,
      { unicast: onConsent, state: onConsent, encode: () => encodeConsent(core.reclaims.hello()) },
      report,
    ),
  };
}

/** Containers' lives, as the engine reports them. */
function containers(
  core: AllocatorCore,
  now: () => number,
): Pick<Allocator, "containerDied" | "containerDestroyed" | "containerStarted" | "keepOnly"> {
  const { allocations } = core.replica;
  return {
    containerDied(ident) {
      if (allocations.isContainer(ident)) allocations.markDead(ident, now());
      core.cancelFor(ident);
    },
    containerDestroyed(ident) {
      if (!allocations.isContainer(ident)) return;
      allocations.revive(ident);
      core.releaseAll(ident);
    },
    containerStarted: (ident) => void allocations.revive(ident),
    keepOnly(idents) {
      const living = new Set(idents);
      for (const { ident, isContainer } of allocations.list()) {
        if (isContainer && !living.has(ident)) core.releaseAll(ident);
      }
    },
  };
}

function autoReclaim(core: AllocatorCore, { reclaim: policy, name, ...options }: AllocatorOptions): () => void {
  if (!policy) return () => {};
  return createAutoReclaim(policy, {
    us: name,
    clock: options.clock,
    logger: options.logger,
    owners: () => (core.leaving ? [] : core.replica.owners()),
    isKnown: options.isKnownPeer,
    isFenced: (peer) => core.reclaims.isFenced(peer),
    nameOf: (peer) => core.knownPeers.nameOf(peer),
    nicknameOf: (peer) => core.knownPeers.nicknames.get(peer) ?? "",
    reclaim: (peer, done) => core.reclaim(peer, done),
  });
}

function assemble(options: AllocatorOptions, parsed: ParsedOptions, saved: Saved | undefined): Allocator {
  const { clock, logger, metrics } = options;
  /** Bounded by: the two channels. */
  const senders = new Map<string, GossipSender>();
  const changed = listeners<[]>();
  const waiting = listeners<[Explanation]>();
  const health = new StoreHealth(() => clock.now());
  const core = createCore(options, parsed, senders, { health, onRing: () => changed.call() });
  const { replica, requests } = core;
  requests.onWaiting = (explanation) => waiting.call(explanation);
  const { defaultSubnet } = parsed;
  const watch = autoReclaim(core, options);
  let stopTick: (() => void) | undefined;
  let stopStartup: (() => void) | undefined;
  const checkStartup = (): void => {
    if (core.checkStartup()) stopStartup = clock.after(STARTUP_POLL_MS, checkStartup);
  };
  const tick = (): void => {
    core.tick();
    watch();
    if (metrics) reportMetrics(core, options);
    stopTick = clock.after(TICK_MS, tick);
  };

  return {
    ...createHandlers(core, options),
    ...containers(core, () => clock.now()),
    defaultSubnet,
    attach(sender, consent) {
      senders.set(ALLOCATION_CHANNEL, sender);
      if (consent) senders.set(CONSENT_CHANNEL, consent);
    },
    start() {
      const restored = core.start(saved);
      if (saved && !restored && saved.ring.entries.length > 0) {
        const { ring, owned } = saved;
        const was = { range: formatRange(ring), peer: formatPeer(saved.peer), idents: owned.length };
        logger?.warn("the saved addresses are of another range or peer, so they are forgotten", was);
      }
      logger?.info(restored ? "address state restored" : "no address state to restore", { init: options.init.kind });
      checkStartup();
      stopTick ??= clock.after(TICK_MS, tick);
    },
    allocate: (ident, subnet = defaultSubnet, more = {}) =>
      health.guard(waitFor<Cidr>(more.signal, (settle) => core.allocate(ident, subnet, more, settle))),
    claim: async (ident, cidr, more = {}) => {
      await health.guard(waitFor<Cidr>(more.signal, (settle) => core.claim(ident, cidr, more, settle)));
    },
    lookup: (ident, subnet = defaultSubnet) =>
      replica.allocations.addressesOf(ident, hostRange(subnetRange(subnet))).map(({ cidr }) => cidr),
    owned: () => replica.allocations.list(),
    release: (ident, address) => release(core, ident, address),
    ready: async (signal) => {
      await waitFor<Cidr>(signal, (settle) => core.prime(settle));
    },
    leave: () => new Promise((resolve) => core.leave(resolve)),
    reclaim: (peer, more = {}) => reclaim(core, peer, more.signal),
    join: () => join(core),
    ranges: () => allRanges(replica.ring).map(({ start, end, peer }) => ({ start, end, peer })),
    onRangesChanged: (fn) => changed.add(fn),
    peerGone: (peer) => core.peerGone(peer),
    status: () => ({ ...statusOf(core, formatCidr(defaultSubnet)), storeFailure: health.failure }),
    explain: (ident) => [...requests.explain(ident), ...explainReclaims(core, clock.now(), ident)],
    onWaiting: (fn) => waiting.add(fn),
    close() {
      stopTick?.();
      stopStartup?.();
      core.close();
    },
  };
}

/** Reclaims that wait for consent, as explanations. */
function explainReclaims(core: AllocatorCore, now: number, ident: string | undefined): Explanation[] {
  const nameOf = (peer: PeerName): string => core.knownPeers.nameOf(peer);
  return core.reclaims
    .waiting()
    .map(({ of, missing }): Explanation => {
      const reason = { code: "RECLAIM", of, missing } as const;
      return { kind: "reclaim", ident: nameOf(of), since: now, reason, text: describeWait(reason, nameOf), asked: [] };
    })
    .filter((explanation) => ident === undefined || explanation.ident === ident);
}

function reportMetrics(core: AllocatorCore, { metrics, name }: AllocatorOptions): void {
  const { unreachable } = statusOf(core, "");
  metrics?.gauge("weave_ips", core.replica.space.used, { state: "local-used" });
  metrics?.gauge("weave_ipam_unreachable_count", unreachable.addresses);
  metrics?.gauge("weave_ipam_unreachable_percentage", unreachable.percentage);
  metrics?.gauge("weave_ipam_pending_allocates", core.requests.list("allocate").length);
  metrics?.gauge("weave_ipam_pending_claims", core.requests.list("claim").length);
  metrics?.gauge("ipam_ring_entries", core.replica.owners().filter((peer) => peer === name).length);
}
