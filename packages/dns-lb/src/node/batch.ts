/** placeholder */
import type { listenUdp } from "./udp.ts";
export type UdpBatch = object;
export type OpenUdpBatch = (options: object) => UdpBatch;
export function listenUdpBatch(_open: OpenUdpBatch): typeof listenUdp {
  throw new Error("not yet");
}
