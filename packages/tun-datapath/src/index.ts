/**
 * A user-space data path: an Ethernet switch between hosts, over the tunnels of Weave Net 2.8 and over faster ones.
 *
 * This entry is pure: codecs, tables, state machines. `@weaved/tun-datapath/node` brings the running data path,
 * `/linux` the input and output, `/testing` fakes.
 *
 * @packageDocumentation
 */
export { commonOverlays, decodeControl, encodeControl, type OverlayControl } from "./control.ts";
export { DatapathError, type DatapathErrorCode } from "./errors.ts";
export { type FrameFacts, inspectFrame } from "./ethernet.ts";
export { fragmentIpv4 } from "./fragment.ts";
export { encodeFragNeeded } from "./icmp.ts";
export type { PlaintextPolicy, Protection } from "./protection.ts";
export {
  decodeFrames,
  encodeFrames,
  encodePlaintextPacket,
  type SleeveFrame,
  sleeveOverhead,
} from "./sleeve-packet.ts";
export { encodeFastdpHeartbeat, encodeHeartbeat, tunnelId } from "./special.ts";
export type {
  Logger,
  Metrics,
  Overlay,
  OverlayConnection,
  OverlayLink,
  OwnedRange,
  PeerName,
  RouteTables,
} from "./types.ts";
