/**
 * For tests of code that uses this package: an interpreter of compiled rules, which needs no kernel.
 *
 * @packageDocumentation
 */
export { interpret, type Outcome, type Packet } from "./interpret.ts";
