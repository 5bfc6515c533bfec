/**
 * Enforcement on a Linux host through nftables.
 *
 * @packageDocumentation
 */
export { type Applied, createEnforcer, type Enforcer, type EnforcerOptions, filterBridge } from "./enforcer.ts";
