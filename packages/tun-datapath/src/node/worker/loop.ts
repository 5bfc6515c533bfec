import { type MessagePort, receiveMessageOnPort } from "node:worker_threads";
import { formatMac } from "../../bytes.ts";
import { Counters } from "../../counters.ts";
import type { PeerName } from "../../types.ts";
import { VNET_BYTES } from "../../vnet.ts";
import { libc } from "../linux/libc.ts";
import { eventFd, PollSet } from "../linux/poll.ts";
import { openRulesWatch, type RulesWatch } from "../linux/rules-watch.ts";
import { openUdpSocket, type UdpSocket } from "../linux/socket.ts";
import { openTap, type Tap } from "../linux/tap.ts";
import { Egress } from "./egress.ts";
import { Ingress } from "./ingress.ts";
import type { Link } from "./link.ts";
import { linkStatus } from "./link-status.ts";
import { Links } from "./links.ts";
import { Arena, HEADROOM, type Memory } from "./memory.ts";
import type { FromWorker, ToWorker, WorkerStart } from "./protocol.ts";
import { Receiver } from "./receiver.ts";
import { Switching } from "./switching.ts";
import { TapWriter } from "./tap-writer.ts";
import { Transmitter, type UdpMode } from "./transmitter.ts";
import { type OnTunnelHeartbeat, openTunnelSources, type TunnelSources } from "./tunnel-sources.ts";
import { openVxlanPort, type VxlanSocket } from "./vxlan-socket.ts";

const ARENA_BYTES = 12 << 20;
/** What one frame of the largest kind may need: itself, its segments, their heads. */
const RESERVE_BYTES = 512 << 10;
const MAX_FRAME = 65_536 + 64;
/** Frames read from the TAP device before the socket has its turn. */
const TAP_BATCH = 64;
const EXPIRE_MS = 60_000;
const STATUS_MS = 1_000;
/** From a change of the packet filter until it is looked at. */
const RULES_MS = 200;

/** The forwarding loop: everything that runs in the worker. */
export class Loop {
  readonly #port: MessagePort;
  readonly #counters: Counters;
  readonly #arena: Arena = new Arena(ARENA_BYTES);
  readonly #tap: Tap;
  readonly #socket: UdpSocket;
  readonly #vxlan: VxlanSocket | undefined;
  readonly #sources: TunnelSources | undefined;
  readonly #rules: RulesWatch | undefined;
  readonly #receiver: Receiver;
  readonly #writer: TapWriter;
  readonly #egress: Egress;
  readonly #switching: Switching;
  readonly #ingress: Ingress;
  readonly #links: Links;
  readonly #poll: PollSet;
  readonly #wake: ReturnType<typeof eventFd>;
  #nowMs: number = performance.now();
  #closing = false;
  #statusAtMs = 0;
  #expireAtMs: number = EXPIRE_MS;
  #tickAtMs = 0;
  #rulesAtMs: number = Number.POSITIVE_INFINITY;

  constructor(start: WorkerStart, port: MessagePort) {
    this.#port = port;
    this.#counters = new Counters(start.counters);
    this.#tap = openTap({ name: start.tap, vnetHeader: true, persist: start.persist });
    this.#socket = openUdpSocket({ address: start.address, port: start.port, gro: true, bufferBytes: 8 << 20 });
    const { vxlanDevice, vxlanPort } = start;
    this.#vxlan = vxlanDevice === undefined ? undefined : openVxlanPort(vxlanDevice, start.name);
    this.#sources = vxlanDevice === undefined ? undefined : openTunnelSources(vxlanPort);
    this.#rules = vxlanDevice === undefined ? undefined : openRulesWatch();
    this.#wake = eventFd(start.wakeFd);
    this.#receiver = new Receiver(this.#socket.fd);
    this.#writer = new TapWriter(this.#tap.fd, this.#counters);
    const post = (message: FromWorker): void => port.postMessage(message);
    const now = (): number => this.#nowMs;
    const mode: UdpMode = { fd: this.#socket.fd, current: undefined, segments: true };
    const counts = {
      sent: (packets: number, frames: number): void => {
        this.#counters.add("packetsOut", packets);
        this.#counters.add("overlayOut", frames);
      },
      dropped: (frames: number): void => this.#counters.add("dropSendRefused", frames),
    };
    const { name, mtu } = start;
    const byPeer = new Map<PeerName, Link>();
    this.#switching = new Switching({
      ownedOnly: start.ownedOnly,
      routerMac: start.routerMac,
      name,
      mtu,
      arena: this.#arena,
      counters: this.#counters,
      links: byPeer,
      now,
      inject: (memory, vnet, length) => this.#writer.write(memory, vnet, length),
      onMac: (mac, peer) => post({ kind: "mac", mac, peer }),
    });
    this.#egress = new Egress({
      name,
      arena: this.#arena,
      counters: this.#counters,
      now,
      df: new Transmitter("df", mode, counts),
      nonDf: new Transmitter("non-df", mode, counts),
      feedBack: (src, dst, vnet, frame, length) => this.#switching.feedBack(src, dst, vnet, frame, length),
    });
    this.#switching.connect(this.#egress);
    this.#links = new Links({
      name,
      mtu,
      byPeer,
      egress: this.#egress,
      now,
      post,
      sendVxlan: (peer, frame) => this.#vxlan?.send(peer, frame),
      onHome: (mac, peer) => this.#switching.heardOf(mac, peer),
    });
    this.#ingress = new Ingress({ name, counters: this.#counters, links: byPeer, switching: this.#switching, now });
    const fds = [this.#wake.fd, this.#socket.fd, this.#tap.fd];
    const forVxlan = [this.#vxlan, this.#sources, this.#rules].flatMap((socket) => socket?.fd ?? []);
    this.#poll = new PollSet([...fds, ...forVxlan]);
    post({ kind: "ready", port: this.#socket.port });
  }

  /** Runs until a message ends it. */
  run(): void {
    while (!this.#closing) this.#turn();
    this.#close();
  }

  #turn(): void {
    const waitMs = Math.max(0, Math.min(this.#tickAtMs - this.#nowMs, 1_000));
    this.#poll.wait(Math.ceil(waitMs));
    this.#nowMs = performance.now();
    if (this.#poll.ready(0)) this.#messages();
    if (this.#poll.ready(1)) this.#receiver.receive(this.#onSegment, this.#onTruncated);
    if (this.#poll.ready(2)) this.#capture();
    if (this.#vxlan !== undefined && this.#poll.ready(3)) this.#fromTunnel(this.#vxlan);
    if (this.#sources !== undefined && this.#poll.ready(4)) this.#sources.receive(this.#onTunnelHeartbeat);
    if (this.#rules !== undefined && this.#poll.ready(5)) this.#onRules(this.#rules);
    // State machines are cheap to ask, so they are asked after every batch: an event may have moved a timer.
    this.#tickAtMs = Math.min(this.#links.tick(), this.#rulesAtMs);
    if (this.#nowMs >= this.#rulesAtMs) this.#sayRules();
    this.#writer.flush();
    this.#egress.flush();
    this.#arena.reset();
    if (this.#nowMs >= this.#expireAtMs) this.#expire();
    if (this.#nowMs >= this.#statusAtMs) this.#status(0);
  }

  readonly #onSegment = (memory: Memory, at: number, length: number, address: number, port: number): void => {
    // Answers, relayed frames take room in the arena; a batch of joined messages may need all of it.
    if (this.#arena.left < RESERVE_BYTES) this.#makeRoom();
    this.#ingress.datagram(memory, at, length, address, port);
  };
  readonly #onTruncated = (): void => this.#counters.add("packetTruncated");

  #makeRoom(): void {
    this.#egress.flush();
    this.#arena.reset();
  }

  #capture(): void {
    const { base } = this.#arena.memory;
    const c = libc();
    for (let i = 0; i < TAP_BATCH; i++) {
      if (this.#arena.left < RESERVE_BYTES + MAX_FRAME) this.#makeRoom();
      const at = this.#arena.take(HEADROOM + MAX_FRAME);
      const vnet = at + HEADROOM - VNET_BYTES;
      const n = c.readAt(this.#tap.fd, base + vnet, MAX_FRAME + VNET_BYTES);
      if (n <= VNET_BYTES) {
        this.#arena.giveBack(at, 0);
        return;
      }
      this.#arena.giveBack(at, HEADROOM - VNET_BYTES + n);
      this.#switching.captured(vnet, vnet + VNET_BYTES, n - VNET_BYTES);
    }
  }

  readonly #onTunnelHeartbeat: OnTunnelHeartbeat = (peer, source, b, frame, length) =>
    this.#links.byPeer.get(peer)?.vxlan?.passing(b, frame, length, source);

  /** A program changes rules one by one: looked at once, when it has had time for some. */
  #onRules(rules: RulesWatch): void {
    rules.drain();
    this.#rulesAtMs = Math.min(this.#rulesAtMs, this.#nowMs + RULES_MS);
  }
  #sayRules(): void {
    this.#rulesAtMs = Number.POSITIVE_INFINITY;
    this.#port.postMessage({ kind: "rules" } satisfies FromWorker);
  }

  #fromTunnel(vxlan: VxlanSocket): void {
    vxlan.receive((peer, b, at, length) => {
      this.#links.byPeer.get(peer)?.vxlan?.heartbeat(b, at, length);
    });
  }

  #messages(): void {
    this.#wake.drain();
    for (;;) {
      const received = receiveMessageOnPort(this.#port) as { message: ToWorker } | undefined;
      if (received === undefined) return;
      this.#message(received.message);
    }
  }

  #message(message: ToWorker): void {
    switch (message.kind) {
      case "prepare":
        return this.#links.prepare(message.link);
      case "confirm":
        return this.#links.confirm(message.id);
      case "control":
        return this.#links.control(message.id, message.index, message.sub, message.payload);
      case "probe":
        return this.#links.probe(message.id);
      case "stop":
        return this.#links.stop(message.id);
      case "routes":
        return this.#switching.setRoutes(message.tables);
      case "owners":
        return this.#switching.setOwners(message.ranges);
      case "forget":
        return this.#switching.forgetPeer(message.peer);
      case "status":
        return this.#status(message.request);
      case "close":
        this.#closing = true;
    }
  }

  #expire(): void {
    this.#expireAtMs = this.#nowMs + EXPIRE_MS;
    this.#switching.expire();
  }

  #status(request: number): void {
    this.#statusAtMs = this.#nowMs + STATUS_MS;
    const links = [...this.#links.all].filter((link) => link.confirmed).map(linkStatus);
    const sinceEpochMs = Date.now() - performance.now();
    const macs = [...this.#switching.macs.list()].map(({ mac, peer, seenMs }) => ({
      mac: formatMac(mac),
      peer,
      lastSeen: Math.round(sinceEpochMs + seenMs),
    }));
    this.#port.postMessage({ kind: "status", request, links, macs } satisfies FromWorker);
  }

  #close(): void {
    for (const link of [...this.#links.all]) this.#links.stop(link.id);
    this.#vxlan?.close();
    this.#sources?.close();
    this.#rules?.close();
    this.#tap.close();
    libc().close(this.#socket.fd);
    this.#port.postMessage({ kind: "closed" } satisfies FromWorker);
  }
}
