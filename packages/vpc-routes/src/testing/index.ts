/**
 * A VPC in memory, a clock to move by hand: for tests of programs that use this package.
 *
 * @packageDocumentation
 */
export { createManualClock, type ManualClock } from "./manual-clock.ts";
export { createMemoryEc2, type MemoryEc2, type MemoryEc2Options } from "./memory-ec2.ts";
