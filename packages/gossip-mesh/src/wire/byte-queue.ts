/** Bytes that have arrived and wait to be whole. Grows with what is received, never with what is announced. */
export class ByteQueue {
  /** Bounded by: one message at most, because whole ones are taken out as they come. */
  #bytes: Uint8Array = new Uint8Array(0);
  #start = 0;
  #end = 0;
  /** Whether `#bytes` is ours to write to: a lone chunk is used in place. */
  #owned = false;

  get length(): number {
    return this.#end - this.#start;
  }

  /** Adds a chunk, borrowed until `settle`. */
  push(chunk: Uint8Array): void {
    if (this.length === 0) {
      this.#bytes = chunk;
      this.#start = 0;
      this.#end = chunk.length;
      this.#owned = false;
      return;
    }
    const total = this.length + chunk.length;
    if (!this.#owned || this.#end + chunk.length > this.#bytes.length) this.#move(total * 2);
    this.#bytes.set(chunk, this.#end);
    this.#end += chunk.length;
  }

  /** Makes what is left independent of the chunks pushed, which their owner may now reuse. */
  settle(): void {
    if (this.length === 0) {
      this.#bytes = new Uint8Array(0);
      this.#start = 0;
      this.#end = 0;
    } else if (!this.#owned) this.#move(this.length);
  }

  #move(capacity: number): void {
    const roomier = new Uint8Array(capacity);
    roomier.set(this.#bytes.subarray(this.#start, this.#end));
    this.#end = this.length;
    this.#start = 0;
    this.#bytes = roomier;
    this.#owned = true;
  }

  /** The next `count` bytes, borrowed until the next push; undefined if there are not as many. */
  take(count: number): Uint8Array | undefined {
    const bytes = this.peek(count);
    if (bytes) this.#start += count;
    return bytes;
  }

  /** As `take`, without taking. */
  peek(count: number): Uint8Array | undefined {
    return this.length < count ? undefined : this.#bytes.subarray(this.#start, this.#start + count);
  }
}
