import { overlaps, parseCidr } from "./address.ts";

/** A container network that cannot work here, and why. */
export interface CidrProblem {
  readonly cidr: string;
  readonly with: string;
  readonly why: string;
}

/** Never routable in a VPC: link-local services and the resolver's block (VPC user guide). */
const RESERVED = ["169.254.168.0/22", "fd00:ec2::/32"];

/**
 * Overlaps of the container network with a VPC, its peers, or ranges EC2 keeps. Inside a VPC's own CIDR, only a whole
 * subnet may have a more specific route, so container ranges have to lie outside.
 */
export function findCidrProblems(
  within: readonly string[],
  cidrs: { readonly own: readonly string[]; readonly peered: readonly string[] },
): CidrProblem[] {
  const problems: CidrProblem[] = [];
  const check = (others: readonly string[], why: string) => {
    for (const cidr of within)
      for (const other of others)
        if (overlaps(parseCidr(cidr), parseCidr(other))) problems.push({ cidr, with: other, why });
  };
  check(cidrs.own, "inside the VPC's own addresses, where its local route wins");
  check(cidrs.peered, "used by a peered VPC, which would lose routes to it");
  check(RESERVED, "not routable in a VPC");
  return problems;
}
