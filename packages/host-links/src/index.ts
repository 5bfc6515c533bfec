/**
 * Bridges, veth pairs, namespaces, NAT rules of a Linux host as desired state: pure plans here, a running keeper of them in
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
export { type Cidr, macOfAddress, subnetOf } from "./address.ts";
export { containerIfname, type ObservedAttachment, planAttach, planDetach, portName } from "./attach-plan.ts";
export { type ObservedHost, planBridge, planBridgeAddressRemoval } from "./bridge-plan.ts";
export { LinksError, type LinksErrorCode } from "./errors.ts";
export { firewallRules, hookRules, noFirewallRules } from "./firewall.ts";
export type { ObservedLink, ObservedRoute } from "./observed.ts";
export { describeStep, type Step } from "./steps.ts";
export type {
  AttachmentSpec,
  BridgeSpec,
  Command,
  DesiredState,
  Exposure,
  FirewallSpec,
  Logger,
  RouteSpec,
  Runner,
  ServiceRule,
  Target,
} from "./types.ts";
