import { arm64 } from "./arm64.ts";
import { x64 } from "./x64.ts";

/**
 * The init shim: what a container's entrypoint is put behind, so that its first instruction already sees the network.
 *
 * ```text
 *   w COMMAND ARGUMENT...
 *     until interface ethwe exists and is up (and the multicast route goes over it): sleep 10 ms
 *     look COMMAND up in PATH, unless it has a slash; become it
 *     if that fails: say so, exit with 127
 * ```
 *
 * Addresses are set before the interface goes up, and the multicast route comes last (host-links), names and /etc/hosts before
 * either; so up, or the route, means all is there. That is also what the original's program waits for: a container made by
 * one runs under the other.
 *
 * Why a program of our own: a container's image may hold nothing to run, and Docker has no hook between making a container's
 * namespace and starting its process, short of replacing the runtime in the engine's configuration. Why these bytes: it must be
 * one static file without needs, no compiler is at hand where this daemon runs, and a binary does not belong into a repository.
 *
 * Layout of the file, which is loaded as it is at 0x400000:
 *
 * ```text
 *   0    ELF header         64
 *   64   program headers    2 x 56: all of the file, to read and execute; a stack that is not executable
 *   176  code               padded to 8
 *        tick               16    10 ms as a timespec
 *        name                8    "ethwe"
 *        route              16    "/proc/net/route"
 *        wanted             14    start of the line of 224.0.0.0, which the kernel writes as a little-endian number
 *        text               18    "weave: cannot run "
 *        newline             1
 *        mode                1    0: do not wait, 1: for the interface, 2: for the route too
 * ```
 */

/** What a container waits for. */
export type WaitFor = "nothing" | "interface" | "multicast route";

/** Processors there is a program for; as `process.arch` names them. */
export type Processor = "x64" | "arm64";

const modes: Readonly<Record<WaitFor, number>> = { nothing: 0, interface: 1, "multicast route": 2 };
const codes: Readonly<Record<Processor, { readonly listing: string; readonly elfMachine: number }>> = {
  x64: { listing: x64, elfMachine: 62 },
  arm64: { listing: arm64, elfMachine: 183 },
};

const loadAddress = 0x400000n;
const headersBytes = 64 + 2 * 56;

/** The program as a file. */
export function initShim(processor: Processor, waitFor: WaitFor): Uint8Array {
  const { listing, elfMachine } = codes[processor];
  const code = codeOf(listing);
  const data = dataOf(modes[waitFor]);
  const size = headersBytes + code.length + data.length;
  return Buffer.concat([elfHeader(elfMachine), loadAll(size), plainStack(), code, data]);
}

/** Is there a program for this processor? */
export function isProcessor(name: string): name is Processor {
  return name in codes;
}

/** The bytes at the left of a listing, padded to 8. */
export function codeOf(listing: string): Uint8Array {
  const hex = [...listing.matchAll(/^ {4}((?:[0-9a-f]{2} )+)/gm)].map(([, bytes]) => bytes!.replaceAll(" ", ""));
  const code = Buffer.from(hex.join(""), "hex");
  return Buffer.concat([code, Buffer.alloc(-code.length & 7)]);
}

function dataOf(mode: number): Uint8Array {
  const tick = Buffer.alloc(16);
  tick.writeBigInt64LE(10_000_000n, 8);
  const text = "ethwe\0\0\0/proc/net/route\0ethwe\t000000E0weave: cannot run \n";
  return Buffer.concat([tick, Buffer.from(text, "latin1"), Buffer.of(mode)]);
}

/** ELF64, little-endian, an executable (System V ABI, chapter 4). */
function elfHeader(machine: number): Uint8Array {
  const header = Buffer.alloc(64);
  header.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  header.writeUInt16LE(2, 16); // ET_EXEC
  header.writeUInt16LE(machine, 18);
  header.writeUInt32LE(1, 20); // version
  header.writeBigUInt64LE(loadAddress + BigInt(headersBytes), 24); // entry
  header.writeBigUInt64LE(64n, 32); // program headers
  header.writeUInt16LE(64, 52); // size of this header
  header.writeUInt16LE(56, 54); // size of a program header
  header.writeUInt16LE(2, 56); // how many
  return header;
}

function loadAll(size: number): Uint8Array {
  return programHeader({ type: 1, flags: 5, address: loadAddress, size, align: 0x10000n });
}

function plainStack(): Uint8Array {
  return programHeader({ type: 0x6474e551, flags: 6, address: 0n, size: 0, align: 16n }); // PT_GNU_STACK
}

interface Segment {
  readonly type: number;
  /** 1 execute, 2 write, 4 read. */
  readonly flags: number;
  readonly address: bigint;
  readonly size: number;
  readonly align: bigint;
}

function programHeader({ type, flags, address, size, align }: Segment): Uint8Array {
  const header = Buffer.alloc(56);
  header.writeUInt32LE(type, 0);
  header.writeUInt32LE(flags, 4);
  header.writeBigUInt64LE(address, 16);
  header.writeBigUInt64LE(address, 24);
  header.writeBigUInt64LE(BigInt(size), 32);
  header.writeBigUInt64LE(BigInt(size), 40);
  header.writeBigUInt64LE(align, 48);
  return header;
}
