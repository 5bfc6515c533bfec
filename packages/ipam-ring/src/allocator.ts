import type { Allocator } from "./api.ts";
import { AllocatorCore } from "./core/core.ts";
import { TICK_MS } from "./core/core-options.ts";
import type { Saved } from "./durability/saved.ts";
import { createSaver, loadSaved } from "./durability/saver.ts";
import { join, leave, release, takeOver, waitFor } from "./operations.ts";
import { type AllocatorOptions, type ParsedOptions, parseOptions } from "./options.ts";
import { formatPeer } from "./peer-name.ts";
import type { GossipSender, PeerName } from "./ports.ts";
import { createReclaimer } from "./reclaim/auto-reclaim.ts";
import type { Explanation } from "./requests/waiting.ts";
import { alignedDonation, originalDonation } from "./ring/grant-policy.ts";
import { allRanges } from "./ring/ring.ts";
import { type Cidr, formatCidr, formatRange, hostRange, subnetRange } from "./space/address.ts";
import { statusOf } from "./status.ts";
import { ALLOCATION_CHANNEL, decodeState, decodeUnicast, encodeState } from "./wire/allocation-wire.ts";
import { createHandler, createTransport } from "./wire/channel.ts";
import { CONSENT_CHANNEL, decodeConsent, encodeConsent } from "./wire/consent-wire.ts";

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
      if (saved && !restored && saved.ring.entries.length > 0) {
        const { ring, owned } = saved;
        const was = { range: formatRange(ring), peer: formatPeer(saved.peer), idents: owned.length };
        logger?.warn("the saved addresses are of another range or peer, so they are forgotten", was);
      }
      logger?.info(restored ? "address state restored" : "address state begins afresh", { init: options.init.kind });
      stopTick ??= clock.after(TICK_MS, tick);
    },
    allocate: (ident, subnet = defaultSubnet, more = {}) =>
      waitFor<Cidr>(more.signal, (settle) => core.requests.allocate(ident, subnet, more, settle)),
    claim: async (ident, cidr, more = {}) => {
      await waitFor<Cidr>(more.signal, (settle) => core.requests.claim(ident, cidr, more, settle));
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
      await waitFor<Cidr>(signal, (settle) => core.requests.prime(settle));
    },
    leave: () => new Promise((resolve) => leave(core, resolve)),
    takeOver: (who, more = {}) => takeOver(core, who, more.signal),
    join: () => join(core),
    ranges: () => allRanges(core.ring).map(({ start, end, peer }) => ({ start, end, peer })),
    onRangesChanged: (fn) => changed.add(fn),
    peerGone: (peer) => core.acquaintances.forget(peer, core.owners()),
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

function reportMetrics(core: AllocatorCore, { metrics, name }: AllocatorOptions): void {
  const { unreachable } = statusOf(core, "");
  metrics?.gauge("weave_ips", core.space.used, { state: "local-used" });
  metrics?.gauge("weave_ipam_unreachable_count", unreachable.addresses);
  metrics?.gauge("weave_ipam_unreachable_percentage", unreachable.percentage);
  metrics?.gauge("weave_ipam_pending_allocates", core.requests.list("allocate").length);
  metrics?.gauge("weave_ipam_pending_claims", core.requests.list("claim").length);
  metrics?.gauge("ipam_ring_entries", core.ring.entries.filter(({ peer }) => peer === name).length);
}
