import type { OwnedRange, PeerName } from "./types.ts";

/** Which peer owns an IPv4 address, from the address ring. */
export class OwnerTable {
  #ranges: readonly OwnedRange[] = [];

  /** Takes the whole wanted table; sorted, disjoint. */
  set(ranges: readonly OwnedRange[]): void {
    this.#ranges = ranges;
  }

  /** The owner, or undefined for an address outside of every range. */
  find(address: number): PeerName | undefined {
    let low = 0;
    let high = this.#ranges.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const range = this.#ranges[middle] as OwnedRange;
      if (address < range.start) high = middle;
      else if (address >= range.end) low = middle + 1;
      else return range.peer;
    }
    return undefined;
  }
}
