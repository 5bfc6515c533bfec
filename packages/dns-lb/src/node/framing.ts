/** Messages over TCP: each behind its length in two bytes, big-endian (RFC 1035 section 4.2.2). */

/** The message behind its length, in one buffer, so that it leaves in one segment (RFC 7766 section 8). */
export function withLength(message: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(message.length + 2);
  bytes[0] = message.length >>> 8;
  bytes[1] = message.length & 255;
  bytes.set(message, 2);
  return bytes;
}

/** A sink for chunks, however cut, that calls `onMessage` with each complete message. Holds at most 64 KiB. */
export function frameReader(onMessage: (message: Uint8Array) => void): (chunk: Uint8Array) => void {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    rest = rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([rest, chunk]);
    while (rest.length >= 2) {
      const end = 2 + rest.readUInt16BE(0);
      if (rest.length < end) break;
      const message = rest.subarray(2, end);
      rest = rest.subarray(end);
      onMessage(message);
    }
  };
}
