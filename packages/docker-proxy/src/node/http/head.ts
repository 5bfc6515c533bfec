import type { ByteReader } from "./reader.ts";
import { StreamError } from "./reader.ts";

/** Longest head taken, in bytes; Go's server, which Docker uses, takes 1 MiB. */
const maxHeadBytes = 1 << 20;

/** First line and headers of a request or response, in the order and spelling of the sender. */
export interface Head {
  readonly first: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
}

/** Reads a head; undefined if the sender ended instead. @throws StreamError */
export async function readHead(reader: ByteReader): Promise<Head | undefined> {
  for (;;) {
    const line = await reader.until("\n", maxHeadBytes);
    if (line === undefined) return undefined;
    const first = line.toString("latin1").trimEnd();
    // Blank lines before a request are to be passed over (RFC 9112, 2.2).
    if (first === "") continue;
    return { first, headers: await readHeaders(reader) };
  }
}

async function readHeaders(reader: ByteReader): Promise<[string, string][]> {
  const headers: [string, string][] = [];
  for (let size = 0; ; ) {
    const line = await reader.until("\n", maxHeadBytes);
    if (line === undefined) throw new StreamError("the connection ended in the middle of a head");
    size += line.length;
    if (size > maxHeadBytes) throw new StreamError("the head is too long");
    const text = line.toString("latin1").trimEnd();
    if (text === "") return headers;
    const colon = text.indexOf(":");
    if (colon <= 0) throw new StreamError(`a header without colon: ${JSON.stringify(text.slice(0, 80))}`);
    headers.push([text.slice(0, colon), text.slice(colon + 1).trim()]);
  }
}

/** The head as it goes over the wire, with the blank line behind it. */
export function headBytes({ first, headers }: Head): Buffer {
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(`${first}\r\n${lines.join("")}\r\n`, "latin1");
}

/** The value of a header, lower case; empty if it is not there. */
export function header(head: Head, name: string): string {
  return (head.headers.find(([key]) => key.toLowerCase() === name)?.[1] ?? "").toLowerCase();
}

/** The head with some headers replaced, or removed when the value is undefined. Names in lower case. */
export function withHeaders(head: Head, changes: Readonly<Record<string, string | undefined>>): Head {
  const kept = head.headers.filter(([name]) => !(name.toLowerCase() in changes));
  const added = Object.entries(changes).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as const],
  );
  return { first: head.first, headers: [...kept, ...added] };
}

/** The parts of a request line that matter here. @throws StreamError */
export function requestLine(head: Head): { method: string; path: string; query: URLSearchParams; version: string } {
  const [method, target, version = "HTTP/1.0", ...rest] = head.first.split(" ");
  if (!method || !target || rest.length > 0)
    throw new StreamError(`no request: ${JSON.stringify(head.first.slice(0, 80))}`);
  const url = new URL(target.startsWith("/") ? `http://docker${target}` : target, "http://docker");
  return { method, path: canonicalPath(url.pathname), query: url.searchParams, version };
}

/** A path as a server may understand it: `//containers/%63reate/` is `/containers/create`. Else a request could pass unnoticed. */
function canonicalPath(pathname: string): string {
  let decoded: string;
  try {
    decoded = decodeURIComponent(pathname);
  } catch {
    throw new StreamError(`a malformed path: ${JSON.stringify(pathname.slice(0, 80))}`);
  }
  const segments: string[] = [];
  for (const segment of decoded.split("/")) {
    if (segment === "..") segments.pop();
    else if (segment !== "" && segment !== ".") segments.push(segment);
  }
  return `/${segments.join("/")}`;
}

/** The status of a response. @throws StreamError */
export function statusOf(head: Head): number {
  const status = Number(/^HTTP\/1\.[01] (\d{3})(?: |$)/.exec(head.first)?.[1]);
  if (!(status >= 100)) throw new StreamError(`no HTTP answer: ${JSON.stringify(head.first.slice(0, 80))}`);
  return status;
}
