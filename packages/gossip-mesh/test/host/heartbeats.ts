/** The smallest overlay that the original's sleeve takes for one of its kind: it answers heartbeats, and carries nothing. */
import { createSocket } from "node:dgram";
import { tweetnaclProvider as crypto } from "@weaved/sleeve-crypto";
import {
  type Overlay,
  type OverlayConnection,
  type OverlayLink,
  peerNameFromBytes,
  peerNameToBytes,
} from "../../src/index.ts";

const OVERLAY_CONTROL = 7;
const HEARD = 1;
const FRAGMENTS_ARRIVE = 2;
const HEARTBEAT_BYTES = 22;
const TEST_BYTES = 60_001;

/** One link's state: where to send, with which counter. */
interface Half {
  readonly link: OverlayLink;
  remote: { address: string; port: number } | undefined;
  counter: bigint;
  heard: boolean;
  timer: ReturnType<typeof setTimeout> | undefined;
}

/** Opens the UDP port; docs/protocol/overlay.md#12. */
export function heartbeatOverlay(name: number, port: number): Overlay & { close(): void } {
  const socket = createSocket("udp4").bind(port);
  const halves = new Map<number, Half>();
  const own = peerNameToBytes(name);

  const nonce = (outbound: boolean, counter: Uint8Array): Uint8Array => {
    const bytes = new Uint8Array(24);
    bytes[0] = outbound ? 0x80 : 0;
    bytes.set(counter, 16);
    return bytes;
  };
  const send = (half: Half, frame: Uint8Array): void => {
    if (!half.remote) return;
    const body = new Uint8Array(14 + frame.length);
    body.set(own, 0);
    body.set(peerNameToBytes(half.link.peer.name), 6);
    new DataView(body.buffer).setUint16(12, frame.length);
    body.set(frame, 14);
    let packet = Buffer.concat([own, body]);
    if (half.link.sessionKey) {
      const counter = new Uint8Array(8);
      new DataView(counter.buffer).setBigUint64(0, half.counter++);
      const sealed = new Uint8Array(body.length + 16);
      crypto.seal(sealed, body, nonce(half.link.outbound, counter), half.link.sessionKey);
      packet = Buffer.concat([own, counter, sealed]);
    }
    socket.send(packet, half.remote.port, half.remote.address);
  };
  const heartbeat = (half: Half): void => {
    const frame = new Uint8Array(HEARTBEAT_BYTES);
    new DataView(frame.buffer).setBigUint64(14, half.link.connectionUid);
    send(half, frame);
    clearTimeout(half.timer);
    half.timer = setTimeout(() => heartbeat(half), 500);
  };
  const control = (half: Half, sub: number): void =>
    half.link.remoteFeatures.Overlays === undefined
      ? half.link.sendControl(sub, new Uint8Array(0))
      : half.link.sendControl(OVERLAY_CONTROL, Uint8Array.of(0, sub));

  socket.on("message", (packet, from) => {
    const half = halves.get(peerNameFromBytes(packet.subarray(0, 6)));
    if (!half) return;
    let body: Uint8Array | undefined = packet.subarray(6);
    if (half.link.sessionKey) {
      const opened = new Uint8Array(packet.length - 30);
      const ok = crypto.open(
        opened,
        packet.subarray(14),
        nonce(!half.link.outbound, packet.subarray(6, 14)),
        half.link.sessionKey,
      );
      body = ok ? opened : undefined;
    }
    if (!body) return;
    const length = new DataView(body.buffer, body.byteOffset).getUint16(12);
    if (length === TEST_BYTES) control(half, FRAGMENTS_ARRIVE);
    if (length !== HEARTBEAT_BYTES || half.heard) return;
    half.heard = true;
    const first = half.remote === undefined;
    half.remote = { address: from.address, port: from.port };
    if (first) heartbeat(half);
    control(half, HEARD);
  });

  return {
    names: "sleeve",
    prepare(link: OverlayLink): OverlayConnection {
      const half: Half = { link, remote: undefined, counter: 0n, heard: false, timer: undefined };
      return {
        confirm() {
          halves.set(link.peer.name, half);
          if (!link.outbound) return;
          half.remote = { ...link.remote };
          heartbeat(half);
        },
        onControl(tag, payload) {
          if ((tag === OVERLAY_CONTROL ? payload[1] : tag) === HEARD) link.onEstablished();
        },
        attributes: () => ({ name: "sleeve", mtu: 1376 }),
        stop() {
          clearTimeout(half.timer);
          if (halves.get(link.peer.name) === half) halves.delete(link.peer.name);
        },
      };
    },
    close: () => socket.close(),
  };
}
