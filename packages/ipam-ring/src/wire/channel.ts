import type { Transport } from "../core/core-options.ts";
import type { GossipData, GossipHandler, GossipSender, Logger, Metrics, PeerName } from "../ports.ts";
import { ALLOCATION_CHANNEL, encodeState, encodeUnicast } from "./allocation-wire.ts";
import { CONSENT_CHANNEL, encodeConsent } from "./consent-wire.ts";

/** State that is encoded only when a connection is free: merging two is taking either, as both say "all we know". */
export function lateData(encode: () => Uint8Array): GossipData {
  const data: GossipData = { merge: () => data, encode: () => [encode()] };
  return data;
}

/** Sends on whatever has been attached by channel name. Until then there is no route to anybody. */
export function createTransport(senders: ReadonlyMap<string, GossipSender>): Transport {
  return {
    unicast: (to, message) => senders.get(ALLOCATION_CHANNEL)?.unicast(to, encodeUnicast(message)) ?? false,
    broadcast: (state) => senders.get(ALLOCATION_CHANNEL)?.broadcast(lateData(() => encodeState(state()))),
    consent(to, message) {
      const sender = senders.get(CONSENT_CHANNEL);
      if (to === "all") sender?.broadcast(lateData(() => encodeConsent(message)));
      else sender?.unicast(to, encodeConsent(message));
    },
  };
}

/** What a channel does with what arrives. */
export interface Receiver {
  unicast(source: PeerName, payload: Uint8Array): void;
  state(source: PeerName | undefined, payload: Uint8Array): void;
  encode(): Uint8Array;
}

/** Wraps a receiver so that no bytes, however broken, ever cost a connection. */
export function createHandler(
  channel: string,
  receiver: Receiver,
  { logger, metrics }: { logger: Logger | undefined; metrics: Metrics | undefined },
): GossipHandler {
  const guarded = (source: PeerName | undefined, run: () => void): void => {
    try {
      run();
    } catch (error) {
      metrics?.count("ipam_bad_gossip_total", 1, { channel });
      logger?.warn("ignored a message that makes no sense", { channel, source, error: (error as Error).message });
    }
  };
  return {
    onUnicast: (source, payload) => guarded(source, () => receiver.unicast(source, payload)),
    onBroadcast(source, payload) {
      guarded(source, () => receiver.state(source, payload));
      // Passed on as our own state, which has what theirs had: the original does the same (notes, 5.7).
      return channel === ALLOCATION_CHANNEL
        ? lateData(receiver.encode)
        : { merge: (other) => other, encode: () => [payload] };
    },
    onGossip(payload) {
      guarded(undefined, () => receiver.state(undefined, payload));
      return undefined;
    },
    gossip: () => lateData(receiver.encode),
  };
}
