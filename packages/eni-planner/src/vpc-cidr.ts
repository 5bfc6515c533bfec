import { Cidr } from "@weaved/ip";

/** The private ranges of RFC 1918. A VPC has blocks of at most one of them. */
const PRIVATE_RANGES = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"].map((text) => Cidr.parse(text));
/** AWS uses this range itself, so it goes with no private range and with none that is routed publicly. */
const AWS_RANGE = Cidr.parse("198.19.0.0/16");
/** Ranges that are never a VPC's: this network, loopback, link-local, multicast, and reserved (RFC 6890). */
const NEVER = ["0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4"].map((text) =>
  Cidr.parse(text),
);
/** A VPC with a block of the first range may not get one of the second. */
const LOW_TEN = Cidr.parse("10.0.0.0/15");
const LOWEST_TEN = Cidr.parse("10.0.0.0/16");
const DEFAULT_VPC = Cidr.parse("172.31.0.0/16");

/**
 * Why AWS refuses to associate a further IPv4 block with a VPC, or undefined where it does not.
 * Source: Amazon VPC user guide, "IPv4 CIDR block association restrictions". Routes and peered VPCs may forbid more.
 * @param existing - the VPC's blocks; with none, only the rules that hold for every VPC are applied
 */
export function associationRefusal(block: Cidr, existing: readonly Cidr[]): string | undefined {
  const never = NEVER.find((range) => range.overlaps(block));
  if (never) return `${never} is reserved, so no VPC may have it`;
  const same = existing.find((cidr) => cidr.overlaps(block));
  if (same) return `it overlaps ${same}, which the VPC has already`;
  const own = privateRange(block);
  for (const cidr of existing) {
    const reason = conflict(block, own, cidr);
    if (reason) return reason;
  }
  return undefined;
}

function conflict(block: Cidr, own: Cidr | undefined, cidr: Cidr): string | undefined {
  const other = privateRange(cidr);
  if (own && other && !own.equals(other)) return `the VPC has ${cidr}, and AWS does not mix ${other} with ${own}`;
  if (own && !other) return `the VPC has ${cidr}, and AWS does not add private ranges (RFC 1918) beside it`;
  if (AWS_RANGE.overlaps(block)) return `AWS does not add ${AWS_RANGE} beside ${cidr}`;
  if (LOW_TEN.overlaps(cidr) && LOWEST_TEN.overlaps(block)) return `AWS does not add ${LOWEST_TEN} beside ${cidr}`;
  if (DEFAULT_VPC.overlaps(block) && other?.toString() === "172.16.0.0/12")
    return `AWS does not add ${DEFAULT_VPC} beside ${cidr}`;
  return undefined;
}

function privateRange(cidr: Cidr): Cidr | undefined {
  return PRIVATE_RANGES.find((range) => range.overlaps(cidr));
}
