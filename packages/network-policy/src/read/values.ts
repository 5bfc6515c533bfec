import { Cidr, IpError, parseInterface, toIp } from "@weaved/ip";
import { type DocumentPath, PolicyError, pathText, quote } from "../errors.ts";
import type { PortMatch } from "../model.ts";
import { protocolNumber } from "../protocol.ts";
import { Selector } from "../selector/selector.ts";
import { type Fields, invalid } from "./fields.ts";

/** A selector of a field; an empty text counts as absent. */
export function selectorField(fields: Fields, name: string): Selector | undefined {
  const text = fields.text(name);
  return text === undefined || text === "" ? undefined : readSelector(text, fields.at(name));
}

/** @throws PolicyError `SELECTOR_INVALID` with the path and the character */
export function readSelector(text: string, path: DocumentPath): Selector {
  try {
    return Selector.parse(text);
  } catch (cause) {
    if (!(cause instanceof PolicyError)) throw cause;
    const { code, message, offset } = cause;
    throw new PolicyError(code, `${pathText(path)}: ${message}`, {
      path,
      cause,
      ...(offset !== undefined && { offset }),
    });
  }
}

/** An address or a CIDR; host bits are cleared, as Calico does. */
export function readNet(value: unknown, path: DocumentPath): Cidr {
  if (typeof value !== "string") throw invalid(path, `${quote(value)} is not a text such as 10.0.0.0/8`);
  try {
    return value.includes("/") ? parseInterface(value).cidr : Cidr.of(toIp(value));
  } catch (cause) {
    if (cause instanceof IpError) throw invalid(path, cause.message);
    throw cause;
  }
}

/** A protocol by name or number. */
export function protocolField(fields: Fields, name: string): number | undefined {
  const value = fields.raw(name);
  if (value === undefined) return undefined;
  const number = protocolNumber(value);
  if (number !== undefined) return number;
  throw invalid(fields.at(name), `${quote(value)} is not a valid protocol; expected TCP, UDP, SCTP, ICMP, or 1 to 255`);
}

const PORT_NAME = /^[a-zA-Z0-9_.-]{1,128}$/;

/** A port of Calico: a number, a range `"6000:6100"`, or the name of a port. */
export function readPort(value: unknown, path: DocumentPath): PortMatch {
  if (typeof value === "number") return { first: portNumber(value, path), last: portNumber(value, path) };
  if (typeof value !== "string") throw invalid(path, `${quote(value)} is not a port, a range, or the name of a port`);
  const range = /^(\d+)(?::(\d+))?$/.exec(value);
  if (!range) {
    if (PORT_NAME.test(value)) return { name: value };
    throw invalid(path, `${quote(value)} is not a port, a range such as "80:90", or the name of a port`);
  }
  const first = portNumber(Number(range[1]), path);
  const last = range[2] === undefined ? first : portNumber(Number(range[2]), path);
  if (first > last) throw invalid(path, `the range ${value} ends before it begins`);
  return { first, last };
}

export function portNumber(value: number, path: DocumentPath): number {
  if (Number.isInteger(value) && value >= 0 && value <= 65_535) return value;
  throw invalid(path, `${value} is not a valid port; expected 0 to 65535`);
}
