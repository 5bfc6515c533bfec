import type { Counters } from "../../counters.ts";
import { TcpJoiner } from "../../join.ts";
import { GSO_NONE, NEEDS_CHECKSUM, VNET_BYTES } from "../../vnet.ts";
import { libc } from "../linux/libc.ts";
import { type Memory, makeFrameMemory } from "./memory.ts";

const HELD_BYTES = 65_536 + 64;

/** Writes frames to the TAP device in order, TCP segments that follow each other as one. */
export class TapWriter {
  readonly #fd: number;
  readonly #counters: Counters;
  readonly #held: Memory = makeFrameMemory(HELD_BYTES);
  readonly #joiner: TcpJoiner = new TcpJoiner(this.#held.b);

  constructor(fd: number, counters: Counters) {
    this.#fd = fd;
    this.#counters = counters;
  }

  /** Takes a frame; false when the device refused it. One that is held counts as written until `flush` knows better. */
  write({ b, base }: Memory, vnet: number, length: number): boolean {
    const frame = vnet + VNET_BYTES;
    const plain = ((b[vnet] as number) & NEEDS_CHECKSUM) === 0 && b[vnet + 1] === GSO_NONE;
    if (plain && this.#joiner.append(b, frame, length)) return true;
    this.flush();
    if (plain && this.#joiner.start(b, frame, length)) return true;
    return this.#write(base + vnet, VNET_BYTES + length);
  }

  #write(address: number, bytes: number): boolean {
    return libc().writeAt(this.#fd, address, bytes) === bytes;
  }

  /** Writes what is held. */
  flush(): void {
    const { frames } = this.#joiner;
    if (frames === 0) return;
    if (this.#write(this.#held.base, this.#joiner.finish())) return;
    this.#counters.add("tapOut", -frames);
    this.#counters.add("dropTapRefused", frames);
  }
}
