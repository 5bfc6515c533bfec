import { libc } from "../linux/libc.ts";
import { Messages } from "../linux/messages.ts";
import { sockaddrAddress, sockaddrPort } from "../linux/sockaddr.ts";
import { type Memory, makeFrameMemory } from "./memory.ts";

/** A joined message is one IP packet at most. */
const SLOT_BYTES = 65_536;
const SLOTS = 24;

/** Called per datagram, after joined messages have been cut again. */
export type OnSegment = (memory: Memory, at: number, length: number, address: number, port: number) => void;

/** Receives datagrams by the batch into memory that is reused. */
export class Receiver {
  readonly #fd: number;
  readonly #messages: Messages = new Messages({ count: SLOTS, iovecs: 1 });
  readonly #memory: Memory = makeFrameMemory(SLOTS * SLOT_BYTES);

  constructor(fd: number) {
    this.#fd = fd;
    for (let i = 0; i < SLOTS; i++) this.#messages.setPiece(i, 0, this.#memory.base + i * SLOT_BYTES, SLOT_BYTES);
  }

  /** Takes what is there, at most one batch. Gives the number of messages; more are likely there when it is full. */
  receive(onSegment: OnSegment, onTruncated: () => void): number {
    const messages = this.#messages;
    for (let i = 0; i < SLOTS; i++) messages.prepareReceive(i);
    const n = libc().recvmmsg(this.#fd, messages.headers, SLOTS, 0, null);
    for (let i = 0; i < n; i++) {
      if (messages.truncated(i)) {
        onTruncated();
        continue;
      }
      const length = messages.received(i);
      const step = messages.receivedSegment(i) || length;
      const address = sockaddrAddress(messages.names, i * 16);
      const port = sockaddrPort(messages.names, i * 16);
      const at = i * SLOT_BYTES;
      // An empty datagram has no step.
      if (length === 0) onSegment(this.#memory, at, 0, address, port);
      for (let done = 0; done < length; done += step) {
        onSegment(this.#memory, at + done, Math.min(step, length - done), address, port);
      }
    }
    return Math.max(n, 0);
  }
}
