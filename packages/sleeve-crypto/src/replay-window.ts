/** Sequence numbers of one window: 2^20. */
const WINDOW_BITS = 20;
const OFFSET_MASK = 2 ** WINDOW_BITS - 1;
/** Bits of a page of a bitmap. Pages appear as they are needed: an idle connection costs one or two of 512 bytes. */
const PAGE_BITS = 12;
const PAGE_WORDS = 2 ** (PAGE_BITS - 5);
const PAGES = 2 ** (WINDOW_BITS - PAGE_BITS);

/** A set of 2^20 small integers. */
class Bitmap {
  /** Bounded by: 256 pages of 512 bytes. */
  readonly #pages: (Uint32Array | undefined)[] = new Array(PAGES).fill(undefined);

  /** Adds a number, and says whether it was absent. */
  add(offset: number): boolean {
    let page = this.#pages[offset >>> PAGE_BITS];
    if (page === undefined) {
      page = new Uint32Array(PAGE_WORDS);
      this.#pages[offset >>> PAGE_BITS] = page;
    }
    const word = (offset >>> 5) & (PAGE_WORDS - 1);
    const bit = 1 << (offset & 31);
    const before = page[word] as number;
    page[word] = before | bit;
    return (before & bit) === 0;
  }

  clear(): void {
    for (const page of this.#pages) page?.fill(0);
  }
}

/**
 * Remembers which sequence numbers have been seen, in two windows of 2^20: the newest one and the one before.
 *
 * ```text
 *      dropped      |  previous: bitmap  |  current: bitmap  |  next: becomes current  |  further: both start empty
 *  ... window c - 2 |    window c - 1    |     window c      |      window c + 1       |  window c + 2 ...
 * ```
 * Source: docs/protocol/overlay.md#12.2. Call it after the authenticator has been checked, never before.
 */
export class ReplayWindow {
  #window = 0;
  #current: Bitmap = new Bitmap();
  #previous: Bitmap = new Bitmap();

  /**
   * Notes a sequence number, and says whether the packet is new. Numbers have up to 63 bits, so they come in two words
   * of 32.
   */
  accept(high: number, low: number): boolean {
    const window = high * 2 ** (32 - WINDOW_BITS) + (low >>> WINDOW_BITS);
    if (window > this.#window) this.#advance(window);
    const age = this.#window - window;
    if (age > 1) return false;
    return (age === 0 ? this.#current : this.#previous).add(low & OFFSET_MASK);
  }

  #advance(window: number): void {
    const oldest = this.#previous;
    this.#previous = this.#current;
    this.#current = oldest;
    oldest.clear();
    if (window !== this.#window + 1) this.#previous.clear();
    this.#window = window;
  }
}
