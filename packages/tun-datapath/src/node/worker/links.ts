import { randomInt } from "node:crypto";
import { GsoLink } from "../../gso-link.ts";
import { PIECE_HEAD_BYTES } from "../../gso-wire.ts";
import { NumberWindow, PacketSource } from "../../packet-source.ts";
import { SleeveLink } from "../../sleeve-link.ts";
import { UDP_IP_BYTES } from "../../sleeve-packet.ts";
import { HEARTBEAT_BYTES, putHeartbeat } from "../../special.ts";
import type { PeerName } from "../../types.ts";
import { VxlanLink } from "../../vxlan-link.ts";
import type { OverlayName } from "../api.ts";
import { pathMtu } from "../linux/socket.ts";
import type { Egress } from "./egress.ts";
import { makeKeys, wipeKeys } from "./keys.ts";
import { type Link, noPending } from "./link.ts";
import type { FromWorker, PrepareLink } from "./protocol.ts";

/** What links need of the rest. */
export interface LinksParts {
  readonly name: PeerName;
  readonly mtu: number;
  /** Filled by `confirm`, emptied by `stop`. */
  readonly byPeer: Map<PeerName, Link>;
  readonly egress: Egress;
  readonly now: () => number;
  readonly post: (message: FromWorker) => void;
  /** Puts a frame into the kernel's tunnel. */
  readonly sendVxlan: (peer: PeerName, frame: Uint8Array) => void;
  /** A neighbour says that a MAC lives with it. */
  readonly onHome: (mac: number, peer: PeerName) => void;
}

/** The connections that the loop serves. */
export class Links {
  /** By neighbour, confirmed ones only: at most one each. Bounded by: connections of the mesh. */
  readonly byPeer: Map<PeerName, Link>;
  /** By number of the connection, prepared ones included. Bounded by: connections of the mesh. */
  readonly #byId: Map<number, Link> = new Map();
  readonly #p: LinksParts;

  constructor(parts: LinksParts) {
    this.#p = parts;
    this.byPeer = parts.byPeer;
  }

  get all(): Iterable<Link> {
    return this.#byId.values();
  }
  find(id: number): Link | undefined {
    return this.#byId.get(id);
  }

  prepare(options: PrepareLink): void {
    const { id, peer, common, remote, outbound } = options;
    const keys = makeKeys(options, this.#p.name);
    const link: Link = {
      id,
      peer,
      common,
      keys,
      source: new PacketSource({ address: remote.address, port: outbound ? remote.port : 0 }),
      numbers: new NumberWindow(),
      sleeve: common.includes("sleeve") ? this.#makeSleeve(options) : undefined,
      gso: common.includes("sleeve-gso") ? this.#makeGso(options) : undefined,
      vxlan: common.includes("vxlan") ? this.#makeVxlan(options) : undefined,
      sleeveSender: { refused: () => this.#sleeveRefused(link) },
      gsoSender: { refused: () => link.gso?.tooBig(this.#pathMtu(link)) },
      pendingDf: noPending(),
      pendingNonDf: noPending(),
      pendingGso: noPending(),
      assemblies: undefined,
      superFrames: randomInt(2 ** 32),
      confirmed: false,
      established: false,
      framesIn: 0,
      framesOut: 0,
      gsoReason: options.gsoReason,
      vxlanReason: options.vxlanReason,
    };
    this.#byId.set(id, link);
  }

  #makeSleeve({ id, uid, outbound, remote, sessionKey }: PrepareLink): SleeveLink {
    const options = { uid, isEncrypted: sessionKey !== undefined };
    return new SleeveLink(outbound ? { ...options, remote } : options, {
      sendSpecial: (length, mode) => {
        const link = this.#byId.get(id);
        if (!link) return;
        this.#p.egress.sleeveInternal(link, mode, length, (b, at) => {
          if (length === HEARTBEAT_BYTES) putHeartbeat(b, at, uid);
        });
      },
      sendControl: (sub, payload) => this.#control(id, "sleeve", sub, payload),
      onEstablished: () => this.#established(id),
      onHeard: (silentMs) => this.#p.post({ kind: "heard", id, silentMs }),
      onLost: (reason) => this.#p.post({ kind: "lost", id, reason: `sleeve: ${reason}` }),
    });
  }

  #makeGso({ id, uid, outbound, remote }: PrepareLink): GsoLink {
    return new GsoLink(outbound ? { uid, remote } : { uid }, {
      sendInternal: (head, length, pathBytes) => {
        const link = this.#byId.get(id);
        if (link) this.#p.egress.gsoInternal(link, head, length, pathBytes - UDP_IP_BYTES - PIECE_HEAD_BYTES);
      },
      pathMtu: () => {
        const link = this.#byId.get(id);
        return link === undefined ? 1500 : this.#pathMtu(link);
      },
      onUsable: (usable) => usable && this.#established(id),
      onHeard: (silentMs) => this.#p.post({ kind: "heard", id, silentMs }),
    });
  }

  #makeVxlan({ id, uid, peer }: PrepareLink): VxlanLink {
    return new VxlanLink(
      { uid, mtu: this.#p.mtu },
      {
        sendInTunnel: (frame) => this.#p.sendVxlan(peer, frame),
        sendControl: (sub, payload) => this.#control(id, "vxlan", sub, payload),
        onForward: (state) => {
          this.#p.post({ kind: "forward", id, peer, state });
          if (state === "usable") this.#established(id);
        },
        onHome: (mac) => this.#p.onHome(mac, peer),
        onSource: (address) => this.#p.post({ kind: "source", id, peer, address }),
      },
    );
  }

  #pathMtu({ gso, sleeve }: Link): number {
    const address = sleeve?.address || gso?.address || 0;
    const port = sleeve?.remotePort || gso?.remotePort || 0;
    return Math.min(pathMtu(address, port) ?? 1500, 65_535);
  }

  #sleeveRefused(link: Link): void {
    const mtu = this.#pathMtu(link);
    link.sleeve?.tooBig(mtu, this.#p.now());
    link.gso?.tooBig(mtu);
  }

  #control(id: number, overlay: OverlayName, sub: number, payload: Uint8Array): void {
    const index = this.#byId.get(id)?.common.indexOf(overlay) ?? -1;
    if (index >= 0) this.#p.post({ kind: "control", id, index, sub, payload });
  }

  #established(id: number): void {
    const link = this.#byId.get(id);
    if (link === undefined || link.established) return;
    link.established = true;
    this.#p.post({ kind: "established", id });
  }

  confirm(id: number): void {
    const link = this.#byId.get(id);
    if (link === undefined) return;
    const before = this.byPeer.get(link.peer);
    if (before !== undefined && before !== link) this.stop(before.id);
    link.confirmed = true;
    this.byPeer.set(link.peer, link);
    const now = this.#p.now();
    // The kernel needs the way to the peer before the first heartbeat leaves.
    link.sleeve?.confirm(now);
    link.gso?.confirm(now);
    link.vxlan?.confirm(now);
  }

  control(id: number, index: number, sub: number, payload: Uint8Array): void {
    const link = this.#byId.get(id);
    const overlay = link?.common[index];
    const now = this.#p.now();
    if (overlay === "sleeve") link?.sleeve?.control(sub, payload, now);
    else if (overlay === "vxlan") link?.vxlan?.control(sub, payload, now);
  }

  probe(id: number): void {
    this.#byId.get(id)?.gso?.probe(this.#p.now());
  }

  stop(id: number): void {
    const link = this.#byId.get(id);
    if (link === undefined) return;
    this.#byId.delete(id);
    if (this.byPeer.get(link.peer) === link) this.byPeer.delete(link.peer);
    this.#p.egress.forget(link);
    link.gso?.stop();
    link.vxlan?.stop();
    wipeKeys(link.keys);
  }

  /** Runs timers that are due; when the next is. */
  tick(): number {
    const now = this.#p.now();
    let next = now + 1_000;
    for (const { sleeve, gso, vxlan } of this.#byId.values()) {
      sleeve?.tick(now);
      gso?.tick(now);
      vxlan?.tick(now);
      next = Math.min(next, sleeve?.nextMs ?? next, gso?.nextMs ?? next, vxlan?.nextMs ?? next);
    }
    return next;
  }
}
