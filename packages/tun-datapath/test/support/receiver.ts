import { Counters } from "../../src/counters.ts";
import { Egress } from "../../src/node/worker/egress.ts";
import { Ingress } from "../../src/node/worker/ingress.ts";
import type { Link } from "../../src/node/worker/link.ts";
import { Links } from "../../src/node/worker/links.ts";
import { Arena } from "../../src/node/worker/memory.ts";
import { Switching, type SwitchingParts } from "../../src/node/worker/switching.ts";
import type { Transmitter } from "../../src/node/worker/transmitter.ts";
import type { PeerName } from "../../src/types.ts";

/** Names of the two ends, and the session key that they share when the link is encrypted. */
export const OWN = 0x0a0000000001;
export const PEER = 0x0a0000000002;
export const KEY: Uint8Array = new Uint8Array(32).map((_, i) => i);

/** Where the neighbour's packets come from, and the connection that its heartbeats name. */
export const PEER_AT = { address: 0x0a630002, port: 6783 } as const;
export const UID = 5n;

/** Small generator with a seed, so that a failure can be repeated; gives integers below `n`. */
export function makeRandom(seed: number): (n: number) => number {
  let state = seed >>> 0;
  return (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}

/** The receiving half of a data path. */
export interface TestReceiver {
  readonly switching: Switching;
  readonly ingress: Ingress;
  readonly egress: Egress;
  readonly counters: Counters;
  readonly arena: Arena;
  /** Frames that reached the TAP device, or went on to others. */
  delivered(): number;
  /** Copies of the frames that reached the TAP device, of the packets that left, if asked for. */
  readonly toTap: readonly Buffer[];
  readonly toPeer: readonly Buffer[];
}

/** The receiving half with everything but sockets, one established neighbour. */
export function makeReceiver(
  sessionKey: Uint8Array | undefined,
  keep = false,
  more: Partial<Pick<SwitchingParts, "ownedOnly" | "routerMac" | "onMac">> = {},
): TestReceiver {
  const arena = new Arena(16 << 20);
  const counters = new Counters();
  const links = new Map<PeerName, Link>();
  let delivered = 0;
  const [toTap, toPeer]: [Buffer[], Buffer[]] = [[], []];
  const out = {
    packet(...[, , , frames, address, length]: Parameters<Transmitter["packet"]>) {
      const at = address - arena.memory.base;
      if (keep && frames > 0) toPeer.push(Buffer.from(arena.memory.b.subarray(at, at + length)));
      delivered += frames;
      counters.add("overlayOut", frames);
    },
    flush() {},
  } as unknown as Transmitter;
  const inject: SwitchingParts["inject"] = ({ b }, vnet, length) => {
    delivered++;
    if (keep) toTap.push(Buffer.from(b.subarray(vnet + 10, vnet + 10 + length)));
    return true;
  };
  const switching = new Switching({
    ownedOnly: false,
    routerMac: 0,
    name: OWN,
    mtu: 1500,
    arena,
    counters,
    links,
    now: () => 0,
    inject,
    onMac() {},
    ...more,
  });
  const feedBack: Switching["feedBack"] = (...a) => switching.feedBack(...a);
  const egress = new Egress({ name: OWN, arena, counters, df: out, nonDf: out, now: () => 0, feedBack });
  switching.connect(egress);
  const unicast = new Map([
    [OWN, 0],
    [PEER, PEER],
  ]);
  switching.setRoutes({ unicast, broadcast: new Map([[PEER, []]]) });
  const all = new Links({
    name: OWN,
    mtu: 1376,
    byPeer: links,
    egress,
    now: () => 0,
    post() {},
    sendVxlan() {},
    onHome() {},
  });
  all.prepare({
    id: 1,
    peer: PEER,
    uid: UID,
    outbound: false,
    remote: PEER_AT,
    common: ["sleeve-gso", "sleeve"],
    aead: "aes-256-gcm",
    gsoReason: "",
    vxlanReason: "",
    sessionKey,
  });
  all.confirm(1);
  const ingress = new Ingress({ name: OWN, counters, links, switching, now: () => 0 });
  return { switching, ingress, egress, counters, arena, toTap, toPeer, delivered: () => delivered };
}
