/**
 * A gossip mesh of peers that find each other, wire-compatible with Weave Mesh.
 *
 * This entry is pure: sockets, timers, randomness come in as ports. `@weaved/gossip-mesh/node` brings TCP,
 * `@weaved/gossip-mesh/testing` a network in memory.
 *
 * @packageDocumentation
 */
export type {
  ConnectionState,
  ConnectionStatus,
  LinkStatus,
  Mesh,
  MeshOptions,
  MeshPorts,
  MeshStatus,
  PeerEvent,
  PeerStatus,
  TargetError,
} from "./api.ts";
export type { LinkProtection } from "./connection/protection.ts";
export { MeshError, type MeshErrorCode } from "./errors.ts";
export { createMesh } from "./mesh.ts";
export { formatPeerName, parsePeerName, peerNameFromBytes, peerNameToBytes } from "./peer-name.ts";
export type {
  Address,
  Clock,
  GossipData,
  GossipHandler,
  GossipSender,
  Logger,
  Metrics,
  Overlay,
  OverlayConnection,
  OverlayLink,
  PeerName,
  Random,
  RouteTables,
  Stream,
  StreamEvents,
  Transport,
} from "./ports.ts";
export { type MergeableState, openState, type StateChannel } from "./state-channel.ts";
