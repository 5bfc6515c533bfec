import assert from "node:assert/strict";
import type { VectorSuite } from "../../../../test/vectors/suite.ts";
import { formatIpv4, toNumber } from "../../src/address.ts";
import {
  type AddressRange,
  biggestBlock,
  blockSize,
  diffRanges,
  mergeRanges,
  rangesToCidrs,
} from "../../src/ranges.ts";

interface Text {
  readonly start: string;
  readonly end: string;
}

/** An exclusive end of 2^32 has no dotted form: 0.0.0.0 as an end stands for it. */
const read = ({ start, end }: Text): AddressRange => {
  const from = toNumber(start);
  const to = toNumber(end);
  return { start: from, end: to === 0 && from > 0 ? 2 ** 32 : to };
};
const write = ({ start, end }: AddressRange): Text => ({ start: formatIpv4(start), end: formatIpv4(end >>> 0) });

/** Checks for `vpc-cidrs.json`. */
export const vpcCidrVectors: VectorSuite = {
  file: "vpc-cidrs.json",
  kinds: {
    update: ({ input, expected }) =>
      assert.deepEqual(diffRanges(input.previous.map(read), input.current.map(read)), expected),
    cidrs: ({ input, expected }) => assert.deepEqual({ cidrs: rangesToCidrs([read(input.range)]) }, expected),
    biggest: ({ input, expected }) => {
      const block = biggestBlock(read(input.range));
      const range = block && write({ start: block.start, end: block.start + blockSize(block.length) });
      assert.deepEqual({ range }, expected);
    },
    merge: ({ input, expected }) =>
      assert.deepEqual({ ranges: mergeRanges(input.ranges.map(read)).map(write) }, expected),
  },
};
