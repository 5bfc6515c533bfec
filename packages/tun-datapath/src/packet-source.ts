/**
 * Where packets of a link come from. Anyone can send a datagram that names a peer; what cannot be checked by itself (a piece of a
 * super-frame, a plaintext packet) is taken from the known source alone. The source moves when something genuine comes from
 * elsewhere: a packet that opens under the session key, or a heartbeat that names the connection.
 */
export class PacketSource {
  #address: number;
  #port: number;

  /** `port` 0: any, until the first genuine packet. */
  constructor({ address, port }: { readonly address: number; readonly port: number }) {
    this.#address = address;
    this.#port = port;
  }

  isFrom(address: number, port: number): boolean {
    return address === this.#address && (port === this.#port || this.#port === 0);
  }
  /** A NAT on the way may give a peer another port at any time; plaintext packets prove no more by their port. */
  isFromAddress(address: number): boolean {
    return address === this.#address;
  }
  moved(address: number, port: number): void {
    this.#address = address;
    this.#port = port;
  }
}

/** Numbers that a super-frame may be ahead of the latest genuine one, and behind it. */
const AHEAD = 65_536;
const BEHIND = 1_024;

/**
 * Which numbers super-frames may have. A sender starts at random, so an attacker that cannot read the wire cannot name a number that is in
 * use, and cannot spoil a super-frame that is being put together.
 */
export class NumberWindow {
  #latest: number | undefined;

  accepts(number: number): boolean {
    if (this.#latest === undefined) return true;
    const ahead = (number - this.#latest) >>> 0;
    return ahead < AHEAD || ahead > 2 ** 32 - BEHIND;
  }
  /** A genuine super-frame had this number. */
  note(number: number): void {
    const ahead = (number - (this.#latest ?? number)) >>> 0;
    if (this.#latest === undefined || ahead < 2 ** 31) this.#latest = number;
  }
}
