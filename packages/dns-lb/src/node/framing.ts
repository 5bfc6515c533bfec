/** Messages over TCP: each behind its length in two bytes, big-endian (RFC 1035 section 4.2.2). */

/** The message behind its length, in one buffer, so that it leaves in one segment (RFC 7766 section 8). */
export function withLength(message: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(message.length + 2);
  bytes[0] = message.length >>> 8;
  bytes[1] = message.length & 255;
  bytes.set(message, 2);
  return bytes;
}

/**
 * Puts chunks of a TCP stream back together to messages. A sender of single bytes costs no more than one of whole messages.
 *
 * Bounded by: twice one message (64 KiB) and the chunk that completed it.
 */
export class FrameReader {
  #bytes: Uint8Array = new Uint8Array(0);
  #start = 0;
  #end = 0;

  push(chunk: Uint8Array): void {
    const unread = this.#end - this.#start;
    if (this.#end + chunk.length > this.#bytes.length) {
      const room = unread + chunk.length;
      const larger = room > this.#bytes.length / 2 ? new Uint8Array(Math.max(room * 2, 64)) : this.#bytes;
      larger.set(this.#bytes.subarray(this.#start, this.#end));
      this.#bytes = larger;
      this.#start = 0;
      this.#end = unread;
    }
    this.#bytes.set(chunk, this.#end);
    this.#end += chunk.length;
  }

  /** The next complete message as a copy of its own; undefined when more bytes are needed. */
  next(): Uint8Array | undefined {
    const unread = this.#end - this.#start;
    if (unread < 2) return undefined;
    const length = (this.#bytes[this.#start]! << 8) | this.#bytes[this.#start + 1]!;
    if (unread < 2 + length) return undefined;
    const message = this.#bytes.slice(this.#start + 2, this.#start + 2 + length);
    this.#start += 2 + length;
    if (this.#start === this.#end) this.#release();
    return message;
  }

  /** An idle connection keeps no buffer. */
  #release(): void {
    this.#bytes = new Uint8Array(0);
    this.#start = 0;
    this.#end = 0;
  }
}
