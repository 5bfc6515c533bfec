/**
 * The mesh on TCP, with the machine's clock.
 *
 * @packageDocumentation
 */
export { peerNameFromMachineId } from "./machine-name.ts";
