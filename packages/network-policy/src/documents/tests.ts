import { Ip, type IpInput, toIp } from "@weaved/ip";
import { isMap, isSeq, LineCounter, parseDocument } from "yaml";
import type { Assertion } from "../assertions.ts";
import { type DocumentPath, PolicyError } from "../errors.ts";
import { type Endpoint, labelsIn, type NamedPort } from "../model.ts";
import { protocolNumber } from "../protocol.ts";
import { Fields, invalid } from "../read/fields.ts";
import { portNumber } from "../read/values.ts";

/** A file of assertions: endpoints that stand for containers, and connections between them. */
export interface TestFile {
  readonly endpoints: readonly Endpoint[];
  readonly assertions: readonly Assertion[];
}

/**
 * Reads a file of assertions:
 * ```yaml
 * endpoints:
 *   - { name: web-1, labels: { app: web }, addresses: [10.32.0.1] }
 * tests:
 *   - { name: web reaches the database, from: web-1, to: 10.32.0.2, port: 5432/tcp, expect: allow }
 * ```
 * @throws PolicyError `DOCUMENT_INVALID`; its message begins with the file, line, and column
 */
export function parseTests(text: string, file = "input"): TestFile {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: true,
    logLevel: "silent",
  });
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${Math.max(line, 1)}:${Math.max(col, 1)}`;
  };
  const [problem] = document.errors;
  if (problem) throw new PolicyError("DOCUMENT_INVALID", `${at(problem.pos[0])}: ${problem.message.split("\n")[0]}`);
  try {
    return readTests(document.toJS({ maxAliasCount: 100 }));
  } catch (cause) {
    if (!(cause instanceof PolicyError)) throw cause;
    let node: unknown = document.contents;
    for (const part of cause.path ?? []) node = (isMap(node) || isSeq(node) ? node.get(part, true) : undefined) ?? node;
    const offset = (node as { range?: [number, number, number] | null } | null)?.range?.[0] ?? 0;
    throw new PolicyError(cause.code, `${at(offset)}: ${cause.message}`, {
      cause,
      ...(cause.path && { path: cause.path }),
    });
  }
}

function readTests(value: unknown): TestFile {
  const fields = new Fields(value, []);
  const endpoints = fields.list("endpoints", readEndpoint) ?? [];
  const byName = new Map(endpoints.map((one) => [one.id, one]));
  const assertions = fields.list("tests", (item, path) => readAssertion(item, path, byName)) ?? [];
  fields.end();
  if (assertions.length === 0) throw invalid(["tests"], "expected at least one test");
  return { endpoints, assertions };
}

function readEndpoint(value: unknown, path: DocumentPath): Endpoint {
  const fields = new Fields(value, path);
  const id = fields.needText("name");
  const labels = fields.texts("labels");
  const namespace = fields.text("namespace") ?? "default";
  const addresses = fields.list("addresses", readIp) ?? [];
  const ports = fields.list("ports", readNamedPort);
  fields.end();
  return { id, labels: labelsIn(namespace, labels), addresses, ports };
}

function readNamedPort(value: unknown, path: DocumentPath): NamedPort {
  const fields = new Fields(value, path);
  const name = fields.needText("name");
  const protocol = protocolNumber(fields.text("protocol") ?? "tcp");
  if (protocol === undefined) throw invalid(fields.at("protocol"), "expected tcp, udp, or sctp");
  const port = portNumber(fields.number("port") ?? Number.NaN, fields.at("port"));
  fields.end();
  return { name, protocol, port };
}

function readIp(value: unknown, path: DocumentPath): Ip {
  const ip = typeof value === "string" ? Ip.tryParse(value) : undefined;
  if (ip) return ip;
  throw invalid(path, `${JSON.stringify(value)} is not a valid IP address`);
}

function readAssertion(value: unknown, path: DocumentPath, endpoints: ReadonlyMap<string, Endpoint>): Assertion {
  const fields = new Fields(value, path);
  const expect = fields.oneOf("expect", ["allow", "deny"]);
  if (!expect) throw invalid(fields.at("expect"), "the field is missing");
  const [source, destination] = [endOf(fields, "from", endpoints), endOf(fields, "to", endpoints)];
  const family = source.some((one) => destination.some((other) => one.family === other.family && one.family === 4))
    ? 4
    : 6;
  const pair = [source, destination].map((list) => list.find((one) => one.family === family));
  if (!pair[0] || !pair[1]) throw invalid(path, "the two ends have no addresses of one family");
  const service = fields.text("port");
  const icmp = fields.object("icmp");
  const assertion: Assertion = {
    name: fields.text("name") ?? `${fields.text("from")} to ${fields.text("to")} ${service ?? ""}`.trim(),
    flow: { source: pair[0], destination: pair[1], ...(icmp ? readIcmp(icmp, family) : readService(service, fields)) },
    expect,
    by: fields.text("by"),
  };
  fields.end();
  return assertion;
}

function endOf(fields: Fields, name: string, endpoints: ReadonlyMap<string, Endpoint>): readonly Ip[] {
  const text = fields.needText(name);
  const endpoint = endpoints.get(text);
  if (endpoint && endpoint.addresses.length > 0) return endpoint.addresses;
  const ip: IpInput | undefined = Ip.tryParse(text);
  if (ip) return [toIp(ip)];
  throw invalid(fields.at(name), `${JSON.stringify(text)} is neither an endpoint of the file nor an IP address`);
}

/** `5432/tcp`, or `53/udp`. */
function readService(
  text: string | undefined,
  fields: Fields,
): Pick<Assertion["flow"], "protocol" | "destinationPort" | "sourcePort"> {
  const match = /^(\d{1,5})\/(tcp|udp|sctp)$/.exec(text ?? "");
  if (!match) throw invalid(fields.at("port"), "expected a form such as 5432/tcp");
  const destinationPort = portNumber(Number(match[1]), fields.at("port"));
  return { protocol: match[2]!, destinationPort, sourcePort: 49_152 };
}

function readIcmp(fields: Fields, family: 4 | 6): Pick<Assertion["flow"], "protocol" | "icmp"> {
  const type = fields.integer("type", 0, 255) ?? (family === 4 ? 8 : 128);
  const code = fields.integer("code", 0, 255) ?? 0;
  fields.end();
  return { protocol: family === 4 ? 1 : 58, icmp: { type, code } };
}
