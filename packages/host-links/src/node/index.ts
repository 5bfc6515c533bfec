/**
 * Keeps bridge, attachments, and rules of the machine that it runs on, through `ip`, `nft`, `nsenter`, `sysctl`.
 *
 * @packageDocumentation
 */
export {
  type Attached,
  createHostLinks,
  type DetachRequest,
  type HostLinks,
  type HostLinksOptions,
  type PortStatus,
} from "./host-links.ts";
export { createHostRunner, type HostRunner, type HostRunnerOptions } from "./runner.ts";
export type { Watching } from "./watch.ts";
