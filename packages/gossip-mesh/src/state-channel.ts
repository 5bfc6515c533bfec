/**
 * A channel for a replicated value that merges: a counter, a set, a table. The package's own channels are made of
 * {@link GossipHandler}; this is the easy way for everybody else's.
 */
import type { Mesh } from "./api.ts";
import type { GossipData, PeerName } from "./ports.ts";

/** A value whose copies come to the same, whatever order they are merged in. */
export interface MergeableState<S> {
  /** What a peer starts with; merging it changes nothing. */
  readonly empty: S;
  /** Commutative, associative, idempotent; changes neither operand. */
  merge(a: S, b: S): S;
  /** Whether two states say the same, so that nothing is passed on that is no news. */
  equal(a: S, b: S): boolean;
  encode(state: S): Uint8Array;
  /** May throw: such gossip is counted and ignored. */
  decode(bytes: Uint8Array): S;
}

/** An open state channel. */
export interface StateChannel<S> {
  /** The state as known here. */
  readonly value: S;
  /** Merges a change, and tells everybody. */
  update(change: S): void;
  /** The state has changed, here or elsewhere. The result undoes the subscription. */
  onChange(fn: (value: S) => void): () => void;
}

/** Opens a channel whose state all peers share. @throws MeshError MESH_USAGE if the channel is open already */
export function openState<S>(
  mesh: Pick<Mesh, "openChannel">,
  channel: string,
  type: MergeableState<S>,
): StateChannel<S> {
  let value = type.empty;
  /** Bounded by: subscriptions not undone. */
  const listeners = new Set<(value: S) => void>();
  const take = (change: S): boolean => {
    const next = type.merge(value, change);
    if (type.equal(next, value)) return false;
    value = next;
    for (const listener of [...listeners]) listener(value);
    return true;
  };
  const receive = (payload: Uint8Array): GossipData | undefined => {
    const change = type.decode(payload);
    return take(change) ? stateData(type, change) : undefined;
  };
  const sender = mesh.openChannel(channel, {
    onUnicast: (_source: PeerName, payload) => void receive(payload),
    onBroadcast: (_source, payload) => receive(payload),
    onGossip: receive,
    gossip: () => stateData(type, value),
  });
  return {
    get value() {
      return value;
    },
    update(change) {
      if (take(change)) sender.broadcast(stateData(type, change));
    },
    onChange(fn) {
      const own = (state: S): void => fn(state);
      listeners.add(own);
      return () => void listeners.delete(own);
    },
  };
}

function stateData<S>(type: MergeableState<S>, state: S): GossipData {
  return {
    merge: (other) => stateData(type, type.merge(state, (other as GossipData & { readonly state: S }).state)),
    encode: () => [type.encode(state)],
    state,
  } as GossipData;
}
