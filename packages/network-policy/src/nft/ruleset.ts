import type { Cidr, Family } from "@weaved/ip";
import type { PortRange } from "../model.ts";

/** Which end of a packet a condition looks at. */
export type End = "source" | "destination";

/** What a packet must be for a rule to apply. */
export type Condition =
  | { readonly kind: "family"; readonly family: Family }
  | { readonly kind: "protocol"; readonly is: boolean; readonly protocol: number }
  | { readonly kind: "icmp"; readonly is: boolean; readonly type: number; readonly code?: number | undefined }
  /** The address is in a named set. */
  | { readonly kind: "member"; readonly is: boolean; readonly end: End; readonly family: Family; readonly set: string }
  | { readonly kind: "nets"; readonly is: boolean; readonly end: End; readonly nets: readonly Cidr[] }
  | { readonly kind: "ports"; readonly is: boolean; readonly end: End; readonly ports: readonly PortRange[] }
  /** Address, protocol, and port together are in a named set. */
  | { readonly kind: "service"; readonly is: boolean; readonly end: End; readonly family: Family; readonly set: string }
  | { readonly kind: "mark"; readonly mark: Mark }
  /** A TCP packet that does not open a connection. */
  | { readonly kind: "midstream" };

/** What a policy's chain tells the chain that called it. Two bits of the packet mark. */
export type Mark = "allowed" | "passed";

/** What a rule does when its conditions hold. */
export type Statement =
  /** `judged` clears the other marks and remembers that policies of an endpoint were asked. */
  | { readonly do: "mark"; readonly mark: Mark | "judged" }
  /** `name` is the verdict's name for people: a policy and rule, or a tier. */
  | { readonly do: "log"; readonly name: string }
  | { readonly do: "return" | "drop" }
  | { readonly do: "jump" | "goto"; readonly chain: string };

export interface WantedRule {
  readonly when: readonly Condition[];
  readonly actions: readonly Statement[];
  /** What the rule comes from, for people who list the table. */
  readonly comment?: string | undefined;
}

/** Addresses, or services: `10.0.0.1 . 6 . 80`. The elements are sorted texts without overlap. */
export interface WantedSet {
  readonly kind: "addresses" | "services";
  readonly family: Family;
  readonly elements: readonly string[];
}

/** The chain for each local address. */
export interface WantedMap {
  readonly family: Family;
  readonly chains: ReadonlyMap<string, string>;
}

/** The four maps from a local endpoint's address to the chain that judges it. */
export type MapName = "out4" | "out6" | "in4" | "in6";

/**
 * Everything that enforcement needs, apart from the hooks. Names are made from what they stand for, so the same state always
 * gives the same rules, whatever happened before.
 */
export interface RuleSet {
  readonly sets: ReadonlyMap<string, WantedSet>;
  readonly chains: ReadonlyMap<string, readonly WantedRule[]>;
  readonly maps: Readonly<Record<MapName, WantedMap>>;
}
