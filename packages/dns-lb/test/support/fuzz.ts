import { createFastAnswers } from "../../src/fast-answers.ts";
import { FLAG } from "../../src/message.ts";
import type { Random } from "../../src/ports.ts";
import { createResponder } from "../../src/responder.ts";
import { createStats } from "../../src/stats.ts";
import { shuffle } from "../../src/strategy.ts";
import { ip, loneNames } from "./cluster.ts";
import { query } from "./queries.ts";

/** What became of fuzzed packets. */
export interface FuzzResult {
  readonly packets: number;
  readonly replied: number;
  readonly forwarded: number;
  readonly fast: number;
  /** Largest reply over its query, in bytes per byte. */
  readonly worstFactor: number;
}

/** Mutates real queries (or invents bytes) and checks every reply's id, flag, and size. Throws at the first that is wrong. */
export function fuzzResponder(random: Random, packets: number): FuzzResult {
  const names = loneNames(1);
  for (let i = 0; i < 60; i++) names.add("big.weave.local", `b${i}`, ip("10.33.0.0") + i);
  names.add("web.weave.local", "c1", ip("10.32.0.1"));
  names.addRecord("web.weave.local", "c1", { type: "SRV", service: "_http", protocol: "_tcp", port: 80 });
  names.addRecord("web.weave.local", "c1", { type: "AAAA", address: "fd00::1" });
  const shared = {
    names,
    random,
    strategy: shuffle(),
    ttl: 1,
    dialect: "standard" as const,
    maxUdpBytes: 1232,
    stats: createStats(),
  };
  const responder = createResponder(shared);
  const fast = createFastAnswers({ ...shared, view: undefined });
  const seeds = [
    query("web.weave.local"),
    query("big.weave.local", "A", 4096),
    query("web", "AAAA"),
    query("1.0.32.10.in-addr.arpa", "PTR"),
    query("_http._tcp.web.weave.local", "SRV", 1232),
    query("web.weave.local", 255, 65_535),
    query("www.example", "MX"),
    query("weave.local", "SOA"),
  ];
  const pick = (n: number): number => Math.floor(random() * n);
  const scratch = new Uint8Array(600);
  const out = new Uint8Array(4096);
  let replied = 0;
  let forwarded = 0;
  let quick = 0;
  let worstFactor = 0;

  const check = (message: Uint8Array, reply: Uint8Array): void => {
    const asksEdns = message.length > 12 && message[11] !== 0;
    if (
      reply.length < 12 ||
      reply[0] !== message[0] ||
      reply[1] !== message[1] ||
      (reply[2]! & (FLAG.response >>> 8)) === 0
    ) {
      throw new Error(`bad reply to ${Buffer.from(message).toString("hex")}: ${Buffer.from(reply).toString("hex")}`);
    }
    const limit = asksEdns ? 1232 : 512;
    if (reply.length > limit)
      throw new Error(`${reply.length} bytes in reply to ${Buffer.from(message).toString("hex")}`);
    worstFactor = Math.max(worstFactor, reply.length / message.length);
    replied++;
  };
  for (let i = 0; i < packets; i++) {
    const message = mutate(seeds[pick(seeds.length)]!, scratch, pick);
    const room = { out, outStart: 0, outEnd: out.length };
    const length = fast.answer({ message, start: 0, end: message.length, client: i, ...room });
    if (length > 0) {
      quick++;
      check(message, out.subarray(0, length));
      continue;
    }
    const verdict = responder.respond(message, { address: i % 1000, transport: "udp" });
    if (verdict.do === "reply") check(message, verdict.bytes);
    if (verdict.do === "forward") forwarded++;
  }
  return { packets, replied, forwarded, fast: quick, worstFactor };
}

/** A seed with up to four bytes changed, perhaps cut or lengthened; one in sixteen is noise. Borrows `scratch`. */
function mutate(seed: Uint8Array, scratch: Uint8Array, pick: (n: number) => number): Uint8Array {
  if (pick(16) === 0) {
    const length = pick(120);
    for (let i = 0; i < length; i++) scratch[i] = pick(256);
    return scratch.subarray(0, length);
  }
  scratch.set(seed);
  let length = seed.length;
  for (let changes = pick(5); changes > 0; changes--) scratch[pick(length)] = pick(256);
  if (pick(4) === 0) length = pick(length + 1);
  if (pick(4) === 0) for (let more = pick(40); more > 0; more--) scratch[length++] = pick(256);
  return scratch.subarray(0, length);
}
