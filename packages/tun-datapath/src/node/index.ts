/**
 * The running data path, for Node on Linux.
 *
 * @packageDocumentation
 */

export {
  type Datapath,
  type DatapathOptions,
  type DatapathStatus,
  type LinkStatus,
  type MacStatus,
  startDatapath,
} from "./datapath.ts";
export { type OnDatagram, openUdpBatch, type UdpBatch, type UdpBatchOptions } from "./linux/udp-batch.ts";
export { removeKernelPaths } from "./vxlan.ts";
