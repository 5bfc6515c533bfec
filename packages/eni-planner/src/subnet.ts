import { type Cidr, type CidrInput, IpError, toCidr } from "@weaved/ip";
import { checkCount } from "./check.ts";
import { EniPlannerError } from "./errors.ts";
import { associationRefusal } from "./vpc-cidr.ts";

/** EC2 keeps the network address, router, resolver, one for the future, the last: of every IPv4 subnet. */
export const reservedPerSubnet = 5;
/** Addresses in the unit of prefix delegation, a /28. */
export const prefixSize = 16;

/** An IPv4 subnet as numbers. */
export interface SubnetRange {
  readonly start: number;
  /** 16 to 28, as EC2 allows. */
  readonly length: number;
  readonly size: number;
}

/** @throws EniPlannerError `SETTING_INVALID` for anything but an aligned IPv4 CIDR of /16 to /28 */
export function parseSubnet(input: CidrInput): SubnetRange {
  const cidr = readCidr(input);
  if (cidr.family === 6 || cidr.length < 16 || cidr.length > 28) {
    throw new EniPlannerError("SETTING_INVALID", `${cidr} is not a valid subnet; expected an IPv4 CIDR of /16 to /28`);
  }
  return { start: cidr.base.toNumber(), length: cidr.length, size: Number(cidr.size) };
}

/** A CIDR as a setting: errors name it. */
export function readCidr(input: CidrInput): Cidr {
  try {
    return toCidr(input);
  } catch (cause) {
    if (cause instanceof IpError) throw new EniPlannerError("SETTING_INVALID", cause.message, { cause });
    throw cause;
  }
}

/** Addresses that EC2 gives out: 2^(32-p) - 5. */
export function usableAddresses(cidr: CidrInput): number {
  return parseSubnet(cidr).size - reservedPerSubnet;
}

/** Whether EC2 keeps an address of the subnet to itself. */
export function isReserved(cidr: CidrInput, address: number): boolean {
  const { start, size } = parseSubnet(cidr);
  const offset = address - start;
  return (offset >= 0 && offset < reservedPerSubnet - 1) || offset === size - 1;
}

/** Most /28 prefixes a subnet can give: the first and the last contain reserved addresses. */
export function usablePrefixes(cidr: CidrInput): number {
  return Math.max(0, parseSubnet(cidr).size / prefixSize - 2);
}

/** What a VPC gains from a secondary range. */
export interface SecondaryRange {
  readonly cidr: Cidr;
  /** CIDR blocks that can be added: at most /16 each, within the VPC's quota. */
  readonly blocks: number;
  /** These blocks. */
  readonly blockCidrs: readonly Cidr[];
  /** Usable addresses with one subnet a block. */
  readonly addresses: number;
  readonly prefixes: number;
}

/**
 * What a range such as 100.64.0.0/10 buys. A VPC takes blocks of /16 at most, five by default, fifty on request.
 * @param free - CIDR blocks the VPC may still get. @defaultValue 4: the default quota less the first block
 * @param existing - CIDR blocks of the VPC, which decide what AWS accepts beside them
 * @throws EniPlannerError `SETTING_INVALID`, also where AWS refuses every block of the range
 */
export function secondaryRange(range: CidrInput, free = 4, existing: readonly CidrInput[] = []): SecondaryRange {
  const cidr = readCidr(range);
  if (cidr.family === 6 || cidr.length < 8 || cidr.length > 28)
    throw new EniPlannerError("SETTING_INVALID", `${cidr} is not a valid range; expected an IPv4 CIDR of /8 to /28`);
  checkCount("free blocks", free);
  const present = existing.map(readCidr);
  const blockCidrs: Cidr[] = [];
  let refusal: string | undefined;
  for (const block of cidr.blocks(Math.max(16, cidr.length))) {
    const reason = associationRefusal(block, present);
    refusal ??= reason;
    if (reason === undefined && blockCidrs.length < free) blockCidrs.push(block);
    if (blockCidrs.length >= free) break;
  }
  if (blockCidrs.length === 0 && free > 0)
    throw new EniPlannerError("SETTING_INVALID", `AWS refuses ${cidr} for this VPC: ${refusal}`);
  const sum = (count: (block: Cidr) => number) => blockCidrs.reduce((total, block) => total + count(block), 0);
  const [addresses, prefixes] = [sum(usableAddresses), sum(usablePrefixes)];
  return { cidr, blocks: blockCidrs.length, blockCidrs, addresses, prefixes };
}
