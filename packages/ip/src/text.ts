import { IpError, quote } from "./errors.ts";

const DECIMAL = /^(?:0|[1-9]\d{0,2})$/;
const GROUP = /^[0-9a-f]{1,4}$/i;
/** Characters of the longest valid text, `0000:0000:0000:0000:0000:ffff:255.255.255.255`. */
const LONGEST = 45;

/** The number of a dotted quad without leading zeros and without short forms. */
export function readIpv4(text: string): number | undefined {
  const parts = text.length <= 15 ? text.split(".") : [];
  if (parts.length !== 4) return undefined;
  let value = 0;
  for (const part of parts) {
    if (!DECIMAL.test(part) || Number(part) > 255) return undefined;
    value = value * 256 + Number(part);
  }
  return value;
}

/** The number of an RFC 4291 text: eight groups, `::` for one or more of them, and perhaps a dotted tail. */
export function readIpv6(text: string): bigint | undefined {
  if (text.length > LONGEST) return undefined;
  const hex = withoutDottedTail(text);
  const halves = hex?.split("::").map((half) => (half === "" ? [] : half.split(":"))) ?? [];
  const groups = halves.flat();
  const [head = [], tail] = halves;
  const enough = tail === undefined ? groups.length === 8 : halves.length === 2 && groups.length < 8;
  if (!enough || !groups.every((group) => GROUP.test(group))) return undefined;
  const zeros = Array.from({ length: 8 - groups.length }, () => "0");
  return [...head, ...zeros, ...(tail ?? [])].reduce((value, group) => (value << 16n) | BigInt(`0x${group}`), 0n);
}

/** `64:ff9b::192.0.2.1` as `64:ff9b::c000:201`. */
function withoutDottedTail(text: string): string | undefined {
  const at = text.lastIndexOf(":") + 1;
  if (!text.includes(".")) return text;
  const value = readIpv4(text.slice(at));
  return value === undefined || at === 0
    ? undefined
    : `${text.slice(0, at)}${(value >>> 16).toString(16)}:${(value & 0xffff).toString(16)}`;
}

/** The dotted quad of an unsigned 32-bit integer. */
export function writeIpv4(value: number): string {
  return `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}`;
}

/** RFC 5952: lower case, the first longest run of zero groups as `::`, and IPv4-mapped addresses with a dotted tail. */
export function writeIpv6(value: bigint): string {
  if (value >> 32n === 0xffffn) return `::ffff:${writeIpv4(Number(value & 0xffffffffn))}`;
  const groups = Array.from({ length: 8 }, (_, i) => Number((value >> BigInt(112 - 16 * i)) & 0xffffn));
  let best = { at: 0, length: 1 };
  let length = 0;
  for (const [i, group] of groups.entries()) {
    length = group === 0 ? length + 1 : 0;
    if (length > best.length) best = { at: i - length + 1, length };
  }
  const hex = groups.map((group) => group.toString(16));
  if (best.length === 1) return hex.join(":");
  return `${hex.slice(0, best.at).join(":")}::${hex.slice(best.at + best.length).join(":")}`;
}

/** The error for a text that is not an address. It names the family that the text resembles. */
export function invalidAddress(text: string): IpError {
  const zone = text.indexOf("%");
  if (zone > 0 && readIpv6(text.slice(0, zone)) !== undefined) {
    return new IpError("ADDRESS_INVALID", `${quote(text)} has a zone id; leave out ${quote(text.slice(zone))}`);
  }
  if (text.includes(":")) {
    return new IpError(
      "ADDRESS_INVALID",
      `${quote(text)} is not a valid IPv6 address; expected a form such as 2001:db8::1`,
    );
  }
  const family = /^[\d.]+$/.test(text) ? "IPv4" : "IP";
  const form = family === "IPv4" ? "192.0.2.1 (four decimal parts without leading zeros)" : "192.0.2.1 or 2001:db8::1";
  return new IpError(
    "ADDRESS_INVALID",
    `${quote(text)} is not a valid ${family} address; expected a form such as ${form}`,
  );
}
