import type { Cidr, CidrInput } from "@weaved/ip";
import { toBlock } from "./address.ts";

/** A container network that cannot work here, and why. */
export interface CidrProblem {
  readonly cidr: Cidr;
  readonly with: Cidr;
  readonly why: string;
}

/** Never routable in a VPC: link-local services and the resolver's block (VPC user guide). */
const RESERVED = ["169.254.168.0/22", "fd00:ec2::/32"];

/**
 * Overlaps of the container network with a VPC, its peers, or ranges EC2 keeps. Inside a VPC's own CIDR, only a whole
 * subnet may have a more specific route, so container ranges have to lie outside.
 */
export function findCidrProblems(
  within: readonly CidrInput[],
  cidrs: { readonly own: readonly CidrInput[]; readonly peered: readonly CidrInput[] },
): CidrProblem[] {
  const problems: CidrProblem[] = [];
  const check = (others: readonly CidrInput[], why: string) => {
    for (const cidr of within.map(toBlock))
      for (const other of others.map(toBlock)) if (cidr.overlaps(other)) problems.push({ cidr, with: other, why });
  };
  check(cidrs.own, "inside the VPC's own addresses, where its local route wins");
  check(cidrs.peered, "used by a peered VPC, which would lose routes to it");
  check(RESERVED, "not routable in a VPC");
  return problems;
}
