import { isDeepStrictEqual } from "node:util";
import type { VectorCase, VectorSuite } from "../../../../test/vectors/suite.ts";
import { fromHex, toHex } from "../../../../test/vectors/suite.ts";
import { formatIpv4, parseIpv4 } from "../../src/address.ts";
import { makeEntry, type NameEntry, normalise } from "../../src/entry.ts";
import { NamesUpdate } from "../../src/gossip-data.ts";
import { createNames, type Names } from "../../src/names.ts";
import type { GossipData, GossipSender } from "../../src/ports.ts";
import { addressCodec } from "../../src/wire.ts";

/** An entry as the vector files write it. */
export interface VectorEntry {
  readonly addr: string;
  readonly containerID: string;
  readonly hostname: string;
  readonly origin: string;
  readonly tombstone: string;
  readonly version: number;
}

export const toPeer = (text: string): number => Number.parseInt(text.replaceAll(":", ""), 16);
const fromPeer = (peer: number): string =>
  peer
    .toString(16)
    .padStart(12, "0")
    .replace(/..(?!$)/g, "$&:");

export const toEntry = (entry: VectorEntry): NameEntry =>
  makeEntry({
    containerId: entry.containerID,
    origin: toPeer(entry.origin),
    address: parseIpv4(entry.addr)!,
    hostname: entry.hostname,
    version: entry.version,
    tombstone: Number(entry.tombstone),
  });
const fromEntry = (entry: NameEntry): VectorEntry => ({
  addr: formatIpv4(entry.address),
  containerID: entry.containerId,
  hostname: entry.hostname,
  origin: fromPeer(entry.origin),
  tombstone: String(entry.tombstone),
  version: entry.version,
});

function same(what: string, actual: unknown, expected: unknown): void {
  if (!isDeepStrictEqual(actual, expected)) {
    throw new Error(`${what}: got ${JSON.stringify(actual)}, expected ${JSON.stringify(expected)}`);
  }
}

const fromUpdate = (data: GossipData): unknown => {
  const messages = data.encode().map((bytes) => addressCodec.decode(bytes));
  return {
    entries: messages.flatMap(({ entries }) => entries.map(fromEntry)),
    timestamp: String(messages[0]!.timestamp),
  };
};

const clock = { now: () => 0, after: () => () => {} };

interface Lab {
  readonly names: Names;
  readonly broadcasts: unknown[];
}

function lab(self: string, wallClock: () => number, unknownPeers: readonly string[] = []): Lab {
  const unknown = new Set(unknownPeers.map(toPeer));
  const names = createNames({ self: toPeer(self), clock, wallClock, isKnownPeer: (peer) => !unknown.has(peer) });
  const broadcasts: unknown[] = [];
  const sender: GossipSender = {
    unicast: () => false,
    gossip: () => {},
    broadcast: (data) => void broadcasts.push(fromUpdate(data)),
  };
  names.attach(sender);
  return { names, broadcasts };
}

/** Fills a table with what a peer is said to know, as gossip would. */
function learn(names: Names, entries: readonly VectorEntry[]): void {
  const own = entries.map(toEntry).filter((entry) => entry.origin === names.self);
  names.restore({ version: 1, entries: own });
  const others = entries.map(toEntry).filter((entry) => entry.origin !== names.self);
  for (const entry of others) names.gossip.onGossip(addressCodec.encode(1_600_000_000, [entry]));
}

function encode({ input, hex, decoded }: VectorCase): void {
  const update = new NamesUpdate(Number(input.timestamp), normalise(input.entries.map(toEntry)), addressCodec.encode);
  same("bytes", update.encode().map(toHex), [hex]);
  const { timestamp, entries } = addressCodec.decode(fromHex(hex));
  same("decoded", { entries: entries.map(fromEntry), timestamp: String(timestamp) }, decoded);
}

function receive({ input, hex, decoded, expected }: VectorCase): void {
  let now = 1_600_000_000;
  const { names, broadcasts } = lab(input.self, () => now, input.unknownPeers);
  learn(names, input.local);
  broadcasts.length = 0;
  now = Number(input.now);
  if (decoded !== undefined) {
    const { timestamp, entries } = addressCodec.decode(fromHex(hex));
    same("decoded", { entries: entries.map(fromEntry), timestamp: String(timestamp) }, decoded);
  }
  let relayed: GossipData | undefined;
  let failed = false;
  try {
    const payload = fromHex(hex);
    relayed = input.via === "broadcast" ? names.gossip.onBroadcast(2, payload) : names.gossip.onGossip(payload);
  } catch {
    failed = true;
  }
  same("error", failed, expected.error !== undefined);
  same("entries", names.entries().map(fromEntry), expected.entries);
  same("rebroadcast", broadcasts, expected.rebroadcast ?? []);
  same("relayed", relayed && fromUpdate(relayed), expected.relayed);
}

// biome-ignore lint/suspicious/noExplicitAny: the shape differs by operation
function operate(names: Names, op: any): object {
  const address = op.ip === undefined || op.ip === "*" ? undefined : parseIpv4(op.ip)!;
  const optional = (key: string, text: string | undefined): object =>
    text === undefined || text === "*" ? {} : { [key]: text };
  switch (op.op) {
    case "add":
      names.add(op.fqdn, op.container, address!, op.peer === undefined ? names.self : toPeer(op.peer));
      return {};
    case "died":
      names.containerDied(op.container);
      return {};
    case "delete":
      names.remove({
        ...optional("hostname", op.fqdn),
        ...optional("containerId", op.container),
        ...(address === undefined ? {} : { address }),
      });
      return {};
    case "lookup":
      return { addresses: names.lookup(op.fqdn).map(String) };
    case "reverse": {
      const hostname = names.reverse(address!);
      return { found: hostname !== undefined, hostname: hostname ?? "" };
    }
    case "peer-gone":
    case "peerGone":
    case "gone":
      names.peerGone(toPeer(op.peer));
      return {};
    default:
      throw new Error(`unknown operation "${op.op}"`);
  }
}

function op({ input, expected }: VectorCase): void {
  let now = Number(input.now);
  const { names, broadcasts } = lab(input.self, () => now);
  // Times are offsets from the start; 0 after a later one means: no later than before.
  for (const [i, step] of input.ops.entries()) {
    now = Math.max(now, Number(input.now) + Number(step.atSeconds ?? 0));
    broadcasts.length = 0;
    const result = operate(names, step);
    const trace = { broadcasts: [...broadcasts], entries: names.entries().map(fromEntry), ...result };
    same(`step ${i}`, trace, expected.trace[i]);
  }
  same("steps", input.ops.length, expected.trace.length);
}

function mergeQueue({ input, hex, decoded }: VectorCase): void {
  const [first, second] = [input.first, input.second].map(
    (update) => new NamesUpdate(Number(update.timestamp), normalise(update.entries.map(toEntry)), addressCodec.encode),
  );
  const merged = first!.merge(second!);
  same("bytes", merged.encode().map(toHex), [hex]);
  same("decoded", fromUpdate(merged), decoded);
}

/** Names on the gossip channel: bytes, merging, local operations. */
export const nameserverSuite: VectorSuite = {
  file: "nameserver.json",
  kinds: { encode, receive, op, "merge-queue": mergeQueue },
};
