import { type Cidr, type CidrInput, toCidr } from "@weaved/ip";
import { cleanShare } from "./room.ts";
import { isReserved, parseSubnet, prefixSize, usableAddresses, usablePrefixes } from "./subnet.ts";

/** How far a subnet can still give /28 prefixes. */
export interface Fragmentation {
  readonly cidr: Cidr;
  readonly free: number;
  /** Aligned, wholly free /28 blocks: what prefix delegation can get. */
  readonly cleanPrefixes: number;
  /** Free addresses that are in no clean block. */
  readonly stranded: number;
  /** Length of the longest run of adjacent clean blocks, in blocks. */
  readonly longestRun: number;
  /** Blocks that would be clean had the same addresses been packed densely. */
  readonly packedPrefixes: number;
}

/** Measures a subnet from the addresses in use; single ones or, for prefixes, all sixteen. */
export function measureFragmentation(subnet: CidrInput, used: Iterable<number>): Fragmentation {
  const { start, size } = parseSubnet(subnet);
  const cidr = toCidr(subnet);
  const taken = new Set<number>();
  for (const address of used)
    if (address >= start && address < start + size && !isReserved(cidr, address)) taken.add(address);
  const dirty = new Set([...taken].map((address) => Math.floor((address - start) / prefixSize)));
  let clean = 0;
  let run = 0;
  let longest = 0;
  for (let block = 1; block < size / prefixSize - 1; block++) {
    run = dirty.has(block) ? 0 : run + 1;
    clean += run > 0 ? 1 : 0;
    longest = Math.max(longest, run);
  }
  const free = usableAddresses(cidr) - taken.size;
  // Dense packing uses the two blocks with reserved addresses first: 12 usable ones in the first, 15 in the last.
  const packed = usablePrefixes(cidr) - Math.ceil(Math.max(0, taken.size - 27) / prefixSize);
  return {
    cidr,
    free,
    cleanPrefixes: clean,
    stranded: free - clean * prefixSize,
    longestRun: longest,
    packedPrefixes: Math.max(0, packed),
  };
}

/**
 * Expected clean /28 blocks after `singles` addresses at random, as EC2 chooses them: B x C(N-16, n) / C(N, n), with N
 * usable addresses, B blocks without reserved ones. A /24 with 40 singles, 16 % in use, has less than one left.
 */
export function expectedCleanPrefixes(cidr: CidrInput, singles: number): number {
  return usablePrefixes(cidr) * cleanShare(usableAddresses(cidr), singles);
}
