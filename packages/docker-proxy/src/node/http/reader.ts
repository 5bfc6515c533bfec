import type { Duplex } from "node:stream";

/** What is kept unread before the sender is told to wait, in bytes: one large write of a client. */
const readAheadBytes = 256 << 10;

/** The sender stopped in the middle of something, or said what HTTP does not allow. */
export class StreamError extends Error {
  override readonly name = "StreamError";
}

/** Reads a socket piece by piece. One read at a time; what is returned is the caller's. */
export interface ByteReader {
  /** Up to and including `mark`; undefined if the stream ends before the first byte. @throws StreamError */
  until(mark: string, limit: number): Promise<Buffer | undefined>;
  /** Whatever is there, at most `limit` bytes; undefined at the end. @throws StreamError if the socket broke */
  some(limit: number): Promise<Buffer | undefined>;
  /** Has the sender ended, as far as we have heard? Bytes may still be unread. */
  readonly ended: boolean;
  /** Has it ended, and was everything read? */
  readonly exhausted: boolean;
  /** Resolves when it is exhausted. */
  readonly end: Promise<void>;
  /** Gives the socket back: from now on it is the caller's to read. Returns what was read ahead. */
  release(): Buffer;
}

/** Takes a socket over for reading. */
export function createReader(socket: Duplex): ByteReader {
  /** Bounded by: `readAheadBytes`, and one chunk of the socket. */
  let kept: Buffer = Buffer.alloc(0);
  let ended = false;
  let failure: Error | undefined;
  let wake = () => {};
  let tellEnd = () => {};
  const end = new Promise<void>((resolve) => {
    tellEnd = resolve;
  });

  const onData = (chunk: Buffer) => {
    kept = kept.length === 0 ? chunk : Buffer.concat([kept, chunk]);
    if (kept.length > readAheadBytes) socket.pause();
    wake();
  };
  const onEnd = () => {
    ended = true;
    if (kept.length === 0) tellEnd();
    wake();
  };
  const onClose = () => {
    if (!ended) failure ??= new StreamError("the connection broke");
    onEnd();
  };
  const onError = (error: Error) => {
    failure ??= error;
  };
  socket.on("data", onData).on("end", onEnd).on("close", onClose).on("error", onError);

  /** Waits for bytes that were not there; false when none will come. */
  async function more(): Promise<boolean> {
    const had = kept.length;
    while (kept.length === had) {
      if (failure) throw failure;
      if (ended) return false;
      socket.resume();
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    return true;
  }

  function take(length: number): Buffer {
    const taken = kept.subarray(0, length);
    kept = kept.subarray(length);
    if (kept.length <= readAheadBytes && !ended) socket.resume();
    if (kept.length === 0 && ended) tellEnd();
    return taken;
  }

  return {
    end,
    get ended() {
      return ended;
    },
    get exhausted() {
      return ended && kept.length === 0;
    },
    async until(mark, limit) {
      for (let from = 0; ; ) {
        const at = kept.indexOf(mark, from);
        if (at !== -1) return take(at + mark.length);
        if (kept.length > limit) throw new StreamError(`no end of line or head within ${limit} bytes`);
        from = Math.max(0, kept.length - mark.length + 1);
        if (await more()) continue;
        if (kept.length === 0) return undefined;
        throw new StreamError("the connection ended in the middle of a message");
      }
    },
    async some(limit) {
      while (kept.length === 0) if (!(await more())) return undefined;
      return take(Math.min(limit, kept.length));
    },
    release() {
      socket.pause();
      socket.off("data", onData).off("end", onEnd).off("close", onClose);
      return kept;
    },
  };
}
