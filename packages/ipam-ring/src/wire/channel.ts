import type { GossipData, GossipHandler, GossipSender, Logger, Metrics, PeerName } from "../ports.ts";
import { ALLOCATION_CHANNEL, encodeState, encodeUnicast } from "./allocation-wire.ts";
import { CONSENT_CHANNEL, encodeConsent } from "./consent-wire.ts";
import type { Transport } from "./transport.ts";

/** State that is encoded only when a connection is free. Merging two returns either, because both mean "all we know". */
export function lateData(encode: () => Uint8Array): GossipData {
  const data: GossipData = { merge: () => data, encode: () => [encode()] };
  return data;
}

/** Sends on the channels that have been attached. Until then there is no route to any peer. */
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

/** How a channel handles arriving messages. */
export interface Receiver {
  unicast(source: PeerName, payload: Uint8Array, neighbour: PeerName | undefined): void;
  state(source: PeerName | undefined, payload: Uint8Array, neighbour: PeerName | undefined): void;
  encode(): Uint8Array;
}

/** Wraps a receiver so that malformed bytes never cost a connection. */
export function createHandler(
  channel: string,
  receiver: Receiver,
  { logger, metrics }: { logger: Logger | undefined; metrics: Metrics | undefined },
): GossipHandler {
  const guarded = (source: PeerName | undefined, neighbour: PeerName | undefined, run: () => void): void => {
    try {
      run();
    } catch (error) {
      metrics?.count("ipam_bad_gossip_total", 1, { channel });
      logger?.warn("ignored a malformed message", { channel, source, neighbour, error: (error as Error).message });
    }
  };
  return {
    onUnicast: (source, payload, neighbour) =>
      guarded(source, neighbour, () => receiver.unicast(source, payload, neighbour)),
    onBroadcast(source, payload, neighbour) {
      guarded(source, neighbour, () => receiver.state(source, payload, neighbour));
      // Forwarded as our own state, which includes theirs, as Weave Net does (docs/protocol/gossip.md#5.7).
      return channel === ALLOCATION_CHANNEL
        ? lateData(receiver.encode)
        : { merge: (other) => other, encode: () => [payload] };
    },
    onGossip(payload, neighbour) {
      guarded(undefined, neighbour, () => receiver.state(undefined, payload, neighbour));
      return undefined;
    },
    gossip: () => lateData(receiver.encode),
  };
}
