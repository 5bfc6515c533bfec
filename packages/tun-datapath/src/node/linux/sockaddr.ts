/** Writes a `sockaddr_in` (16 bytes, linux/in.h); `address` as an unsigned integer. */
export function putSockaddr(b: Uint8Array, at: number, address: number, port: number): void {
  b.fill(0, at, at + 16);
  b[at] = 2;
  b[at + 2] = port >>> 8;
  b[at + 3] = port;
  for (let i = 0; i < 4; i++) b[at + 4 + i] = address >>> (24 - 8 * i);
}

/** IPv4 address of the `sockaddr_in` at `at`. */
export function sockaddrAddress(b: Uint8Array, at: number): number {
  const high = ((b[at + 4] as number) << 8) | (b[at + 5] as number);
  return high * 0x10000 + (((b[at + 6] as number) << 8) | (b[at + 7] as number));
}

/** Port of the `sockaddr_in` at `at`. */
export function sockaddrPort(b: Uint8Array, at: number): number {
  return ((b[at + 2] as number) << 8) | (b[at + 3] as number);
}
