/** Record data in wire form (RFC 1035 section 3.3, RFC 2782 for SRV, RFC 8482 for the answer to ANY). */
import { parseIpv6 } from "./address.ts";

/** A fully qualified name in wire form; characters are taken as Latin-1. */
export function encodeName(name: string): Uint8Array {
  const labels = name === "." ? [] : splitLabels(name);
  const bytes = new Uint8Array(labels.reduce((sum, label) => sum + label.length + 1, 1));
  let at = 0;
  for (const label of labels) {
    bytes[at++] = label.length;
    for (let i = 0; i < label.length; i++) bytes[at++] = label.charCodeAt(i);
  }
  return bytes;
}

/** Whether a name can be written: labels of 1 to 63 bytes, 255 in all. */
export function isEncodable(name: string): boolean {
  const labels = splitLabels(name);
  return (
    name.length <= 254 && labels.every((label) => label.length > 0 && label.length <= 63 && !hasWideCharacter(label))
  );
}

const hasWideCharacter = (text: string): boolean => [...text].some((c) => c.charCodeAt(0) > 0xff);
const splitLabels = (name: string): string[] => (name.endsWith(".") ? name.slice(0, -1) : name).split(".");

/** An IPv4 address. */
export const aData = (address: number): Uint8Array =>
  Uint8Array.of(address >>> 24, (address >>> 16) & 255, (address >>> 8) & 255, address & 255);

/** An IPv6 address given as text; undefined when another peer published nonsense. */
export const aaaaData: (text: string) => Uint8Array | undefined = parseIpv6;

/** Priority, weight, port, and the name to connect to. */
export function srvData(service: { priority: number; weight: number; port: number }, target: string): Uint8Array {
  const name = encodeName(target);
  const bytes = new Uint8Array(6 + name.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, service.priority);
  view.setUint16(2, service.weight);
  view.setUint16(4, service.port);
  bytes.set(name, 6);
  return bytes;
}

/** A start of authority; `negativeTtl` seconds is how long "no such name" may be remembered (RFC 2308 section 4). */
export function soaData(domain: string, serial: number, negativeTtl: number): Uint8Array {
  const mname = encodeName(domain);
  const rname = encodeName(`hostmaster.${domain}`);
  const bytes = new Uint8Array(mname.length + rname.length + 20);
  bytes.set(mname);
  bytes.set(rname, mname.length);
  const view = new DataView(bytes.buffer, mname.length + rname.length);
  for (const [i, value] of [serial >>> 0, 3600, 600, 86_400, negativeTtl].entries()) view.setUint32(i * 4, value);
  return bytes;
}

/** HINFO with the CPU field `RFC8482`: the minimal answer to ANY. */
export const minimalAny: Uint8Array = Uint8Array.of(7, ...[..."RFC8482"].map((c) => c.charCodeAt(0)), 0);
