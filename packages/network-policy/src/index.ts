/**
 * Network policies for containers: Kubernetes, Calico, and plain YAML, evaluated and compiled to nftables.
 *
 * This entry is pure and runs in a browser. `@weaved/network-policy/documents` reads YAML.
 *
 * @example
 * ```ts
 * import { createWorld, evaluate, readDocument } from "@weaved/network-policy";
 * ```
 * @packageDocumentation
 */
export { type Assertion, type AssertionResult, runAssertions } from "./assertions.ts";
export { type DeniedConnection, deniedConnections } from "./connections.ts";
export { PolicyError, type PolicyErrorCode } from "./errors.ts";
export { type Decider, type Evaluation, evaluate, type Flow, type TraceStep, type Verdict } from "./evaluate.ts";
export { type LintFinding, lint } from "./lint.ts";
export { Membership, type MembershipChange } from "./membership.ts";
export {
  type Action,
  type Direction,
  type Endpoint,
  type IcmpMatch,
  labelsIn,
  type Match,
  type NamedPort,
  type NetworkSet,
  type Policy,
  type PolicyId,
  type PortMatch,
  type PortRange,
  type Rule,
  type Tier,
} from "./model.ts";
export { type CompileInput, compile } from "./nft/compile.ts";
export { diff, render } from "./nft/diff.ts";
export { type HookOptions, hookLines } from "./nft/hooks.ts";
export { HostRules } from "./nft/host-rules.ts";
export { logId, type RenderOptions } from "./nft/render.ts";
export type { RuleSet } from "./nft/ruleset.ts";
export type {
  Command,
  CommandResult,
  ConnectionTable,
  LoggedPacket,
  PacketLog,
  Runner,
  TrackedConnection,
} from "./ports.ts";
export { type PolicyDocument, readDocument } from "./read/document.ts";
export type { Labels, SelectorNode } from "./selector/node.ts";
export { Selector } from "./selector/selector.ts";
export { withStaged } from "./staged.ts";
export { verdictName } from "./verdict-name.ts";
export { createWorld, type World, type WorldInput } from "./world.ts";
