import { allocateSummable } from "../../fast-sum.ts";
import { libc } from "../linux/libc.ts";

/** Memory with a known address, so that the kernel can be pointed into it. */
export interface Memory {
  readonly b: Buffer;
  readonly base: number;
}

export function makeMemory(bytes: number): Memory {
  // Not from the pool, whose slices would share pages with strangers.
  return memoryOf(Buffer.alloc(bytes));
}

/** Memory for frames, for life: their checksums are fast to make, if it is among the first 16 MiB of the thread. */
export function makeFrameMemory(bytes: number): Memory {
  const fast = allocateSummable(bytes);
  return fast === undefined ? makeMemory(bytes) : memoryOf(Buffer.from(fast.buffer, fast.byteOffset, bytes));
}

function memoryOf(b: Buffer): Memory {
  return { b, base: Number(libc().address(b)) };
}

/** Room left before every frame: sleeve needs 44 bytes, sleeve-gso 44, and the header of the TAP device 10 of these. */
export const HEADROOM = 64;

/** Memory handed out from start to end, taken back all at once when a batch is done. */
export class Arena {
  readonly memory: Memory;
  readonly #size: number;
  #cursor = 0;

  constructor(bytes: number) {
    this.memory = makeFrameMemory(bytes);
    this.#size = bytes;
  }

  get left(): number {
    return this.#size - this.#cursor;
  }

  /** Where `bytes` may be written, on a boundary of 8; -1 when there is no room. */
  take(bytes: number): number {
    const at = this.#cursor;
    if (at + bytes > this.#size) return -1;
    this.#cursor = (at + bytes + 7) & ~7;
    return at;
  }

  /** Keeps only the first `used` bytes of the last thing taken. */
  giveBack(at: number, used: number): void {
    this.#cursor = (at + used + 7) & ~7;
  }

  reset(): void {
    this.#cursor = 0;
  }
}
