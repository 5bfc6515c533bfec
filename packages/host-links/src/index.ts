/**
 * Bridges, veth pairs, namespaces, and rules of a Linux host as desired state: pure plans here, and what keeps them in place in
 * `@weaved/host-links/node`.
 *
 * @example
 * ```ts
 * const steps = planBridge({ links: [], routes: [] }, { name: "weave", mtu: 1376 });
 * console.log(steps.map(describeStep).join("\n"));
 * ```
 *
 * @packageDocumentation
 */
export { type Cidr, macOfAddress } from "./address.ts";
export { LinksError, type LinksErrorCode } from "./errors.ts";
export type { Guard, GuardedPort } from "./firewall/guard.ts";
export { hookRules, type IptablesTool } from "./firewall/hook.ts";
export type { Drops } from "./firewall/listing.ts";
export { firewallRules, guardRules, type Ownership } from "./firewall/tables.ts";
export { type ObservedAttachment, type Place, planAttach } from "./links/attach-plan.ts";
export { type ObservedHost, planBridge } from "./links/bridge-plan.ts";
export { type Detachment, planDetach } from "./links/detach-plan.ts";
export type { ObservedLink, ObservedRoute } from "./links/observed.ts";
export { containerIfname, endpointNames, portName } from "./links/port-names.ts";
export { describeStep, type Step } from "./steps.ts";
export type {
  AntiSpoofing,
  AntiSpoofMode,
  AttachmentSpec,
  BridgeSpec,
  Command,
  DesiredState,
  EndpointSpec,
  Exposure,
  FirewallSpec,
  Logger,
  RouteSpec,
  RoutingSpec,
  Runner,
  ServiceRule,
  Target,
} from "./types.ts";
