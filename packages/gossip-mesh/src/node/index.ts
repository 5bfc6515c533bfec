/**
 * The mesh on TCP, with the machine's clock and randomness.
 *
 * @packageDocumentation
 */
export { systemClock, systemRandom } from "./clock.ts";
export { peerNameFromMachineId } from "./machine-name.ts";
export { type RunningMesh, type StartOptions, startMesh } from "./start.ts";
export { openTcp, type TcpOptions, type TcpTransport } from "./tcp.ts";
