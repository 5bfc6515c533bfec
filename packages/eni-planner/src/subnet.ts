import { EniPlannerError } from "./errors.ts";

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
export function parseSubnet(cidr: string): SubnetRange {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(cidr);
  const parts = (match ?? []).slice(1).map(Number);
  const [a = 256, b = 256, c = 256, d = 256, length = 99] = parts;
  const start = ((a * 256 + b) * 256 + c) * 256 + d;
  const size = 2 ** (32 - length);
  const fine = Math.max(a, b, c, d) <= 255 && length >= 16 && length <= 28 && start % size === 0;
  if (!fine) throw new EniPlannerError("SETTING_INVALID", `${cidr} is not an IPv4 subnet: need an aligned /16 to /28`);
  return { start, length, size };
}

/** Addresses that EC2 gives out: 2^(32-p) - 5. */
export function usableAddresses(cidr: string): number {
  return parseSubnet(cidr).size - reservedPerSubnet;
}

/** Whether EC2 keeps an address of the subnet to itself. */
export function isReserved(cidr: string, address: number): boolean {
  const { start, size } = parseSubnet(cidr);
  const offset = address - start;
  return (offset >= 0 && offset < reservedPerSubnet - 1) || offset === size - 1;
}

/** Most /28 prefixes a subnet can give: the first and the last contain reserved addresses. */
export function usablePrefixes(cidr: string): number {
  return Math.max(0, parseSubnet(cidr).size / prefixSize - 2);
}

/** What a VPC gains from a secondary range. */
export interface SecondaryRange {
  readonly cidr: string;
  /** CIDR blocks that can be added: at most /16 each, within the VPC's quota. */
  readonly blocks: number;
  /** Usable addresses with one subnet a block. */
  readonly addresses: number;
  readonly prefixes: number;
}

/**
 * What a range such as 100.64.0.0/10 buys. A VPC takes blocks of /16 at most, five by default, fifty on request.
 * @param free - CIDR blocks the VPC may still get. @defaultValue 4: the default quota less the first block
 */
export function secondaryRange(cidr: string, free = 4): SecondaryRange {
  const length = Number(cidr.split("/")[1]);
  const [address] = cidr.split("/");
  const block = `${address}/${Math.max(16, length)}`;
  const blocks = Math.max(0, Math.min(free, length < 16 ? 2 ** (16 - length) : 1));
  return { cidr, blocks, addresses: blocks * usableAddresses(block), prefixes: blocks * usablePrefixes(block) };
}
