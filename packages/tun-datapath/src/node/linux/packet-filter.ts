import { libc, must } from "./libc.ts";

const SOL_SOCKET = 1;
const SO_ATTACH_FILTER = 26;

/** An instruction of a classic filter: code, steps to skip if true, if false, operand. Source: linux/filter.h. */
export type FilterStep = readonly [code: number, yes: number, no: number, operand: number];

/** Codes of instructions. "X" is the index register. Source: linux/bpf_common.h. */
export const LOAD_BYTE = 0x30;
export const LOAD_HALF = 0x28;
/** Loads from X plus the operand. */
export const LOAD_HALF_AT = 0x48;
/** Sets X to the length of the IPv4 header at the operand. */
export const SKIP_IPV4_HEADER = 0xb1;
export const JUMP_IF_EQUAL = 0x15;
/** True when a bit of the operand is set. */
export const JUMP_IF_SET = 0x45;
/** Takes as many bytes of the packet; 0 drops it. */
export const TAKE = 0x06;

/** Has the kernel keep from a socket what the filter drops. @throws DatapathError DATAPATH_SYSCALL */
export function attachFilter(fd: number, steps: readonly FilterStep[]): void {
  const program = Buffer.alloc(8 * steps.length);
  for (const [i, [code, yes, no, operand]] of steps.entries()) {
    program.writeUInt16LE(code, 8 * i);
    program[8 * i + 2] = yes;
    program[8 * i + 3] = no;
    program.writeUInt32LE(operand, 8 * i + 4);
  }
  const header = Buffer.alloc(16);
  header.writeUInt16LE(steps.length, 0);
  header.writeBigUInt64LE(libc().address(program), 8);
  must(libc().setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, header, 16), "SO_ATTACH_FILTER");
}
