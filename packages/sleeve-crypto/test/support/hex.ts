/** Bytes from hexadecimal text; white space is ignored. */
export function bytes(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex.replace(/\s/g, ""), "hex"));
}

/** Lower-case hexadecimal text of bytes. */
export function hexOf(data: Uint8Array | undefined): string | undefined {
  return data && Buffer.from(data).toString("hex");
}

/** UTF-8 bytes of a text. */
export function textBytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
