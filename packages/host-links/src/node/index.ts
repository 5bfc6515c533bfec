/**
 * Keeps bridge, attachments, and rules of the machine that it runs on, through `ip`, `nft`, `nsenter`, and `sysctl`.
 *
 * @packageDocumentation
 */
export type { Attached, DetachRequest } from "./attachments.ts";
export type { Endpoint } from "./endpoints.ts";
export {
  createHostLinks,
  type FirewallStatus,
  type HostLinks,
  type HostLinksOptions,
  type PortStatus,
} from "./host-links.ts";
export type { Leftovers } from "./removal.ts";
export { createHostRunner, type HostRunner, type HostRunnerOptions } from "./runner.ts";
export type { Watching } from "./watch.ts";
