import { libc, must } from "./libc.ts";

const POLLIN = 1;
const EFD_FLAGS = 0o4000 | 0o2000000;
const CLONE_NEWNET = 0x40000000;

/** A set of descriptors to wait on. */
export class PollSet {
  readonly #fds: Buffer;
  readonly #words: DataView;
  readonly #count: number;

  /** Bounded by: the descriptors given, fixed for life. */
  constructor(fds: readonly number[]) {
    this.#count = fds.length;
    this.#fds = Buffer.alloc(8 * fds.length);
    this.#words = new DataView(this.#fds.buffer, this.#fds.byteOffset, this.#fds.byteLength);
    for (const [i, fd] of fds.entries()) {
      this.#words.setInt32(8 * i, fd, true);
      this.#words.setInt16(8 * i + 4, POLLIN, true);
    }
  }

  /** Waits until one can be read or the time is over; how many can be. Interrupted counts as none. */
  wait(timeoutMs: number): number {
    return Math.max(0, libc().poll(this.#fds, this.#count, timeoutMs));
  }

  /** Whether the `i`-th had something, error included, at the last wait. */
  ready(i: number): boolean {
    return this.#words.getInt16(8 * i + 6, true) !== 0;
  }
}

/** A counter that wakes whoever polls it. Any thread may `signal`. */
export interface EventFd {
  readonly fd: number;
  signal(): void;
  /** Resets it. */
  drain(): void;
}

/** An eventfd made by this thread, or one that another thread made, by number. */
export function eventFd(existing?: number): EventFd {
  const c = libc();
  const fd = existing ?? must(c.eventfd(0, EFD_FLAGS), "eventfd");
  const one = Buffer.from([1, 0, 0, 0, 0, 0, 0, 0]);
  const sink = Buffer.alloc(8);
  return { fd, signal: () => void c.write(fd, one, 8), drain: () => void c.read(fd, sink, 8) };
}

/**
 * Moves the calling thread into a network namespace given by path, such as `/proc/1234/ns/net`. Sockets and devices
 * opened by this thread afterwards are there; other threads stay.
 * @throws DatapathError DATAPATH_SYSCALL
 */
export function enterNetworkNamespace(path: string): void {
  const c = libc();
  const fd = must(c.open(path, 0o2000000), `open ${path}`);
  try {
    must(c.setns(fd, CLONE_NEWNET), `setns ${path}`);
  } finally {
    c.close(fd);
  }
}
