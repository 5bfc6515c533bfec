import { isDeepStrictEqual } from "node:util";
import { decode } from "dns-packet";
import type { VectorCase, VectorSuite } from "../../../../test/vectors/suite.ts";
import { fromHex, toHex } from "../../../../test/vectors/suite.ts";
import { createFastAnswers } from "../../src/fast-answers.ts";
import { createForwarder } from "../../src/forwarder.ts";
import { RR_TYPE } from "../../src/message.ts";
import { createNames, type Names } from "../../src/names.ts";
import { silentLogger } from "../../src/ports.ts";
import { createResponder } from "../../src/responder.ts";
import { createStats } from "../../src/stats.ts";
import { shuffle } from "../../src/strategy.ts";
import { addressCodec } from "../../src/wire.ts";
import { toEntry, type VectorEntry } from "./nameserver.ts";

const clock = { now: () => 0, after: () => () => {} };
const self = 0xfeedfacebeef;

/** The table of a case: entries, or the sentence "N A records for one name" about the name in question. */
function fill(names: Names, table: readonly VectorEntry[] | string, question: string): void {
  if (typeof table !== "string") {
    names.gossip.onGossip(addressCodec.encode(1_600_000_000, table.map(toEntry)));
    return;
  }
  const count = Number(/^(\d+) A records/.exec(table)?.[1]);
  if (!(count > 0)) throw new Error(`table not understood: ${table}`);
  for (let i = 0; i < count; i++) names.add(question, `c${i}`, 0x0a200001 + i);
}

/** The stub upstream of the recorded server: A 192.0.2.1, TTL 60, below `example.`, else REFUSED. */
async function stubUpstream(query: Uint8Array): Promise<Uint8Array> {
  const { questions = [] } = decode(Buffer.from(query));
  const [question] = questions;
  const isKnown = /(^|\.)example\.?$/i.test(question!.name) && question!.type === "A";
  const end = query.length - (query[11]! > 0 ? 11 : 0);
  const record = [...query.subarray(12, end - 4), 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1];
  const head = [query[0]!, query[1]!, 0x81, isKnown ? 0x80 : 0x85, 0, 1, 0, isKnown ? 1 : 0, 0, 0, 0, 0];
  return Uint8Array.from([...head, ...query.subarray(12, end), ...(isKnown ? record : [])]);
}

/** Every reply that our code paths give: the responder's, the fast path's where it takes the query, the upstream's. */
async function replies({ input }: VectorCase): Promise<Uint8Array[]> {
  const names = createNames({ self, clock, wallClock: () => 1_600_000_000, isKnownPeer: () => true });
  fill(names, input.table, input.question);
  const shared = { names, random: Math.random, strategy: shuffle(), ttl: 1, maxUdpBytes: 65_535, stats: createStats() };
  const dialect = "legacy";
  const query = fromHex(input.query);
  const client = { address: 0x7f000001, transport: input.transport };
  const verdict = createResponder({ ...shared, dialect }).respond(query, client);
  if (verdict.do === "drop") return [];
  if (verdict.do === "forward") {
    const forwarder = createForwarder({
      exchange: (_server, message) => stubUpstream(message),
      servers: async () => [{ address: "127.0.0.1" }],
      clock,
      logger: silentLogger,
      randomId: () => 7,
    });
    return [(await forwarder.forward(query, input.transport))!];
  }
  const out = new Uint8Array(65_535);
  const fast = createFastAnswers({ ...shared, dialect, view: undefined });
  const length =
    input.transport === "udp"
      ? fast.answer({
          message: query,
          start: 0,
          end: query.length,
          client: client.address,
          out,
          outStart: 0,
          outEnd: out.length,
        })
      : 0;
  return length > 0 ? [verdict.bytes, out.slice(0, length)] : [verdict.bytes];
}

const typeNumbers: Readonly<Record<string, number>> = RR_TYPE;

/** A reply in the words of the vector files. */
function describe(bytes: Uint8Array): object {
  const packet = decode(Buffer.from(bytes));
  const answers = (packet.answers ?? []).map((answer) => {
    const { name, type } = answer;
    const { ttl, data } = answer as { ttl?: number; data: unknown };
    const value = type === "PTR" ? `${data}.` : String(data);
    return `${name}.\t${ttl}\tIN\t${type in typeNumbers ? type : "?"}\t${value}`;
  });
  const { flag_aa, flag_ra, flag_tc, rcode } = packet as unknown as Record<string, unknown>;
  return {
    answerCount: answers.length,
    answers: answers.sort(),
    authoritative: flag_aa,
    rcode,
    recursionAvailable: flag_ra,
    responseBytes: bytes.length,
    truncated: flag_tc,
  };
}

async function check(testCase: VectorCase): Promise<void> {
  const { hex, expected } = testCase;
  const all = await replies(testCase);
  if (all.length === 0) throw new Error("no reply");
  for (const bytes of all) {
    if (hex !== "" && testCase.order !== "any" && toHex(bytes) !== hex) {
      throw new Error(`bytes: got ${toHex(bytes)}, expected ${hex}`);
    }
    const got: Record<string, unknown> = { ...describe(bytes) };
    for (const [key, value] of Object.entries(expected)) {
      if (!isDeepStrictEqual(got[key], value)) {
        throw new Error(`${key}: got ${JSON.stringify(got[key])}, expected ${JSON.stringify(value)}`);
      }
    }
  }
}

/** What a server answers, byte for byte, in the legacy dialect. */
export const dnsAnswersSuite: VectorSuite = { file: "dns-answers.json", kinds: { local: check, size: check } };
