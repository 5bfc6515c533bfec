import type { Writable } from "node:stream";
import { type Head, header, statusOf } from "./head.ts";
import { type ByteReader, StreamError } from "./reader.ts";

/** How the end of a body is known. */
export type Framing =
  | { readonly is: "none" }
  | { readonly is: "length"; readonly bytes: number }
  | { readonly is: "chunked" }
  /** Until the sender ends: also what follows a switch of protocols. */
  | { readonly is: "open" };

/** Bytes moved at once. */
const pieceBytes = 64 << 10;
/** Longest line with a chunk's size; extensions are allowed there, and unused. */
const maxSizeLine = 4096;

/** Framing of a request's body (RFC 9112, 6.3). */
export function requestFraming(head: Head): Framing {
  return declaredFraming(head) ?? { is: "none" };
}

/** Framing of a response's body, which depends on the request as well. */
export function responseFraming(head: Head, method: string): Framing {
  const status = statusOf(head);
  if (status === 101) return { is: "open" };
  if (method === "HEAD" || status === 204 || status === 304 || status < 200) return { is: "none" };
  return declaredFraming(head) ?? { is: "open" };
}

function declaredFraming(head: Head): Framing | undefined {
  if (header(head, "transfer-encoding").split(",").at(-1)?.trim() === "chunked") return { is: "chunked" };
  const length = header(head, "content-length");
  if (length === "") return undefined;
  if (!/^\d{1,15}$/.test(length)) throw new StreamError(`content-length: ${length}`);
  return length === "0" ? { is: "none" } : { is: "length", bytes: Number(length) };
}

/** Hands a body's bytes on, framing and all, as they come. */
export async function relayBody(from: ByteReader, framing: Framing, to: Writable): Promise<void> {
  if (framing.is === "length") return relayBytes(from, framing.bytes, to);
  if (framing.is === "open") {
    for (let piece = await from.some(pieceBytes); piece; piece = await from.some(pieceBytes)) await write(to, piece);
    return;
  }
  if (framing.is === "none") return;
  for (;;) {
    const line = await sizeLine(from);
    await write(to, line.bytes);
    if (line.size === 0) return relayTrailers(from, to);
    await relayBytes(from, line.size + 2, to);
  }
}

async function relayTrailers(from: ByteReader, to: Writable): Promise<void> {
  for (;;) {
    const line = await from.until("\n", maxSizeLine);
    if (line === undefined) throw new StreamError("the connection ended in the middle of a body");
    await write(to, line);
    if (line.toString("latin1").trim() === "") return;
  }
}

/** The whole body, framing removed. @throws StreamError if it is longer than `limit` bytes */
export async function readBody(from: ByteReader, framing: Framing, limit: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let total = 0;
  const keep = async (bytes: number) => {
    for (let left = bytes; left > 0; ) {
      const piece = await from.some(Math.min(left, pieceBytes));
      if (!piece) {
        if (framing.is === "open") return false;
        throw new StreamError("the connection ended in the middle of a body");
      }
      left -= piece.length;
      total += piece.length;
      if (total > limit) throw new StreamError(`a body of more than ${limit} bytes where JSON was expected`);
      pieces.push(piece);
    }
    return true;
  };
  if (framing.is === "length") await keep(framing.bytes);
  if (framing.is === "open") while (await keep(1));
  if (framing.is === "chunked") {
    for (let { size } = await sizeLine(from); size > 0; { size } = await sizeLine(from)) {
      await keep(size);
      await from.until("\n", 2);
    }
    while ((await from.until("\n", maxSizeLine))?.toString("latin1").trim());
  }
  return Buffer.concat(pieces);
}

async function sizeLine(from: ByteReader): Promise<{ size: number; bytes: Buffer }> {
  const bytes = await from.until("\n", maxSizeLine);
  const digits = /^([0-9a-fA-F]{1,12})\s*(?:;|\r?\n)/.exec(bytes?.toString("latin1") ?? "")?.[1];
  if (!bytes || digits === undefined) throw new StreamError("the size of a chunk is no number");
  return { size: Number.parseInt(digits, 16), bytes };
}

async function relayBytes(from: ByteReader, bytes: number, to: Writable): Promise<void> {
  for (let left = bytes; left > 0; ) {
    const piece = await from.some(Math.min(left, pieceBytes));
    if (!piece) throw new StreamError("the connection ended in the middle of a body");
    left -= piece.length;
    await write(to, piece);
  }
}

/** Writes, and waits while the receiver is behind. @throws StreamError if it has gone */
export async function write(to: Writable, bytes: Uint8Array): Promise<void> {
  if (to.destroyed || to.writableEnded) throw new StreamError("the receiver has gone");
  if (to.write(bytes)) return;
  await new Promise<void>((resolve, reject) => {
    const done = () => {
      to.off("close", gone).off("drain", done);
      resolve();
    };
    const gone = () => {
      to.off("drain", done).off("close", gone);
      reject(new StreamError("the receiver has gone"));
    };
    to.once("drain", done).once("close", gone);
  });
}
