import type { CidrInput, IpInput } from "@weaved/ip";
import { toAddress, toBlock } from "./address.ts";

/**
 * How packets between containers of two hosts travel.
 * - `direct`: the peer's address is the next hop; the VPC table is not asked, so there is no limit of routes. Same subnet only.
 * - `vpc`: the subnet's router is the next hop; needs a route in the table of the sender's subnet.
 * - `overlay`: encapsulated.
 */
export type Path = "direct" | "vpc" | "overlay";

/**
 * - `table`: natively wherever the VPC table leads there, as the original; the rest encapsulated.
 * - `cross-subnet`: natively inside a subnet, encapsulated across, as Calico; needs no VPC routes.
 * - `mixed`: natively inside a subnet, through the table where it leads there, encapsulated for the rest.
 * - `overlay`: always encapsulated; works with the source/destination check on.
 */
export type PathMode = "table" | "cross-subnet" | "mixed" | "overlay";

/** What is known about one destination. */
export interface PathInput {
  readonly mode: PathMode;
  /** Whether both hosts are in one subnet. Unknown counts as no. */
  readonly sameSubnet: boolean;
  /** Whether the sender's table leads to the owner: see {@link nativeRanges}. */
  readonly inTable: boolean;
  /** Whether both hosts' interfaces have the source/destination check off; with it on, EC2 drops container addresses. */
  readonly checkOff: boolean;
}

/** The path, and why. */
export function choosePath({ mode, sameSubnet, inTable, checkOff }: PathInput): {
  readonly path: Path;
  readonly why: string;
} {
  if (mode === "overlay") return { path: "overlay", why: "asked for" };
  if (!checkOff) return { path: "overlay", why: "the source/destination check is on" };
  if (mode !== "table" && sameSubnet) return { path: "direct", why: "same subnet" };
  if (mode !== "cross-subnet" && inTable) return { path: "vpc", why: "the route table leads to the owner" };
  return { path: "overlay", why: mode === "cross-subnet" ? "another subnet" : "no route in the table" };
}

/** What the NAT decision needs to know. */
export interface NatInput {
  readonly destination: IpInput;
  /** CIDRs of the container network. */
  readonly within: readonly CidrInput[];
  /** CIDRs of the VPC. */
  readonly vpc: readonly CidrInput[];
  /** Whether every table of the VPC leads to the source container, so that answers find it. */
  readonly sourceInEveryTable: boolean;
}

/** Whether the host must put its own address as source: when the destination could not answer a container address. */
export function needsNat(input: NatInput): { readonly nat: boolean; readonly why: string } {
  const destination = toAddress(input.destination);
  const isIn = (cidrs: readonly CidrInput[]) => cidrs.some((cidr) => toBlock(cidr).contains(destination));
  if (isIn(input.within)) return { nat: false, why: "a container" };
  if (!isIn(input.vpc)) return { nat: true, why: "outside the VPC, which routes container addresses only inside" };
  if (input.sourceInEveryTable) return { nat: false, why: "the VPC's tables lead back to the container" };
  return { nat: true, why: "no VPC route leads back to the container" };
}
