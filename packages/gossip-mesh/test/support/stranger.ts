/** A sender of bytes that is not a mesh: for attacks on one. */
import { tweetnaclProvider } from "@weaved/sleeve-crypto";
import type { Stream, StreamEvents } from "../../src/index.ts";
import { encodeRecord, joinRecords } from "../../src/topology/payload.ts";
import type { PeerRecord } from "../../src/topology/record.ts";
import { encodeEnvelope, Tag } from "../../src/wire/envelope.ts";
import { makeFeatures } from "../../src/wire/features.ts";
import { Handshake, type HandshakeOptions } from "../../src/wire/handshake.ts";
import type { World } from "./world.ts";

/** A stream to mesh 1, with everything that came back. */
export interface Stranger {
  readonly stream: Stream;
  readonly received: Uint8Array[];
  receivedBytes(): number;
  readonly closed: boolean;
  send(bytes: Uint8Array | string): void;
}

/** Opens a stream from some host to mesh 1. */
export async function dialStranger(world: World, host: string = "10.9.9.9"): Promise<Stranger> {
  const received: Uint8Array[] = [];
  let closed = false;
  const events: StreamEvents = {
    data: (bytes) => void received.push(bytes.slice()),
    drained() {},
    closed: () => {
      closed = true;
    },
  };
  const stream = await new Promise<Stream>((resolve, reject) => {
    world.network.transport(`${host}:1`).dial(`${world.address(1)}:6783`, (result) => {
      if (result instanceof Error) return reject(result);
      result.open(events);
      resolve(result);
    });
    world.clock.advance(10);
  });
  return {
    stream,
    received,
    receivedBytes: () => received.reduce((sum, bytes) => sum + bytes.length, 0),
    get closed() {
      return closed;
    },
    send(bytes) {
      stream.write(typeof bytes === "string" ? Uint8Array.from(bytes, (c) => c.charCodeAt(0)) : bytes);
    },
  };
}

/** The dialling half of a handshake that claims to be peer `name`; its bytes go to `write`. */
export function handshakeAs(
  name: number,
  options: Partial<HandshakeOptions>,
  write: (bytes: Uint8Array) => void,
): Handshake {
  const identity = { name, nickname: `host${name}`, uid: 99n, shortId: 7, connectionId: 0n, trusted: false, extra: {} };
  const base = { outbound: true, minVersion: 1, maxVersion: 2, crypto: tweetnaclProvider };
  return new Handshake({ ...base, features: makeFeatures(identity), ...options }, write);
}

/** Carries the bytes of a stranger's handshake both ways until nothing moves. */
export function shakeHands(world: World, stranger: Stranger, handshake: Handshake): void {
  for (let seen = 0, round = 0; round < 10; round++) {
    world.clock.advance(5);
    for (; seen < stranger.received.length; seen++) handshake.push(stranger.received[seen]!);
    handshake.advance();
    handshake.settle();
  }
}

/** A member that says whatever it likes: knows the password, and is connected to mesh 1. */
export async function joinAs(world: World, name: number, password: string) {
  const stranger = await dialStranger(world, world.address(name));
  const handshake = handshakeAs(name, { password: new TextEncoder().encode(password) }, stranger.send);
  shakeHands(world, stranger, handshake);
  return {
    stranger,
    /** Sends a protocol message. */
    say: (message: Uint8Array): void => stranger.send(handshake.encode(message)),
    /** Sends topology as Weave Net 2.8 does. */
    tellTopology(records: readonly PeerRecord[]): void {
      const payload = joinRecords(records.map(encodeRecord));
      const envelope = { tag: Tag.gossip, channel: "topology", source: name, destination: 0, payload } as const;
      stranger.send(handshake.encode(encodeEnvelope(envelope)));
    },
  };
}
