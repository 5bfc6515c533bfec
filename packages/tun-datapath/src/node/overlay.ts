import { parseIpv4 } from "../bytes.ts";
import { commonOverlays, decodeControl, encodeControl, TAG_OVERLAY } from "../control.ts";
import { DatapathError } from "../errors.ts";
import { nameAllowsGso } from "../gso-wire.ts";
import { type PlaintextPolicy, permits } from "../protection.ts";
import type { Overlay, OverlayConnection, OverlayLink, PeerName } from "../types.ts";
import type { LinkStatus, OverlayName } from "./api.ts";
import type { VxlanPeer } from "./vxlan.ts";
import type { FromWorker, ToWorker } from "./worker/protocol.ts";

/** Feature with the ciphers that `sleeve-gso` may use, best first. Weave Net 2.8 ignores it. */
export const AEAD_FEATURE = "SleeveGsoCiphers";
const FALLBACK_AEAD = "xsalsa20-poly1305";

/** What the overlay port needs of the rest. */
export interface OverlayParts {
  readonly name: PeerName;
  readonly plaintext: PlaintextPolicy;
  readonly offered: readonly OverlayName[];
  readonly ciphers: readonly string[];
  /** Why an overlay that exists is not offered. */
  readonly missing: Partial<Record<OverlayName, string>>;
  readonly send: (message: ToWorker) => void;
  readonly status: (id: number) => LinkStatus | undefined;
  /** The kernel's part of each link: it needs an entry before the first heartbeat can leave. */
  readonly kernel: { open(link: VxlanPeer): Promise<void>; linkEnded(link: VxlanPeer): void };
}

/** The mesh's view of the data path, and the worker's view of the mesh. */
export interface OverlayHub {
  readonly overlay: Overlay;
  /** Passes on what the worker says of a link. */
  onWorker(message: FromWorker): void;
  /** Ends every link: the worker is gone. */
  failAll(error: Error): void;
}

export function createOverlayHub(parts: OverlayParts): OverlayHub {
  /** Bounded by: connections of the mesh. */
  const links = new Map<number, OverlayLink>();
  let nextId = 1;
  return {
    overlay: {
      names: parts.offered.join(" "),
      features: { [AEAD_FEATURE]: parts.ciphers.join(" ") },
      prepare(link) {
        const id = nextId++;
        const connection = new LinkConnection(parts, id, link, () => links.delete(id));
        links.set(id, link);
        return connection;
      },
    },
    onWorker(message) {
      if (message.kind === "established") links.get(message.id)?.onEstablished();
      else if (message.kind === "heard") links.get(message.id)?.onHeard?.(message.silentMs);
      else if (message.kind === "lost") {
        links.get(message.id)?.onError(new DatapathError("DATAPATH_LINK_LOST", message.reason));
      } else if (message.kind === "control") passControl(links.get(message.id), message);
    },
    failAll(error) {
      for (const link of [...links.values()]) link.onError(error);
      links.clear();
    },
  };
}

function passControl(link: OverlayLink | undefined, message: FromWorker & { kind: "control" }): void {
  if (link === undefined) return;
  // A peer without the feature predates the switch: it takes the messages of sleeve as plain tags.
  if (link.remoteFeatures.Overlays === undefined) link.sendControl(message.sub, message.payload);
  else link.sendControl(TAG_OVERLAY, encodeControl(message));
}

/** Overlays of a link, by index, and why others do not serve. */
interface Choice {
  /** An overlay that cannot serve keeps its index, because both ends count positions in the common list. */
  readonly common: readonly (OverlayName | undefined)[];
  readonly gsoReason: string;
  readonly vxlanReason: string;
}

function chooseOverlays(parts: OverlayParts, link: OverlayLink): Choice {
  const named = commonOverlays(parts.offered, link.remoteFeatures.Overlays ?? "sleeve") as OverlayName[];
  if (named.length === 0) {
    const offers = `the peer offers "${link.remoteFeatures.Overlays}", this host "${parts.offered.join(" ")}"`;
    throw new DatapathError("DATAPATH_NO_COMMON_OVERLAY", `${offers}; give both hosts an overlay in common`);
  }
  const serves = (name: OverlayName): boolean =>
    name === "vxlan"
      ? link.protection !== "encrypted"
      : name === "sleeve" || (nameAllowsGso(parts.name) && nameAllowsGso(link.peer.name));
  const gso = named.includes("sleeve-gso") ? "a peer name has the group bit" : "the peer has no sleeve-gso";
  const vxlan = named.includes("vxlan") ? "the link is encrypted, vxlan is not" : "the peer has no vxlan";
  return {
    common: named.map((name) => (serves(name) ? name : undefined)),
    gsoReason: parts.missing["sleeve-gso"] ?? gso,
    vxlanReason: parts.missing.vxlan ?? vxlan,
  };
}

/** Refuses a link that the settings of this host do not permit, or that says of itself what is not so. */
function checkProtection(policy: PlaintextPolicy, { protection, sessionKey }: OverlayLink): void {
  if ((protection === "encrypted") !== (sessionKey !== undefined)) {
    const key = sessionKey === undefined ? "without" : "with";
    throw new DatapathError("DATAPATH_PROTECTION", `a link called "${protection}" comes ${key} a session key`);
  }
  if (permits(policy, protection)) return;
  const remedy =
    policy === "never" ? "give both hosts the password" : "put both hosts into trusted subnets, or encrypt";
  throw new DatapathError("DATAPATH_PROTECTION", `the link is plaintext, which this host does not permit; ${remedy}`);
}

/** The data path's part in one connection of the mesh. */
class LinkConnection implements OverlayConnection {
  readonly #parts: OverlayParts;
  readonly #id: number;
  readonly #link: OverlayLink;
  readonly #forget: () => void;
  readonly #common: readonly (OverlayName | undefined)[];
  readonly #kernel: VxlanPeer;
  /** Shared with the worker, so that no copy is left in a message. */
  readonly #sessionKey: Uint8Array | undefined;
  #stopped = false;

  constructor(parts: OverlayParts, id: number, link: OverlayLink, forget: () => void) {
    this.#parts = parts;
    this.#id = id;
    this.#link = link;
    this.#forget = forget;
    checkProtection(parts.plaintext, link);
    const { common, gsoReason, vxlanReason } = chooseOverlays(parts, link);
    const { peer, protection, remote } = link;
    const text = remote.address.replace(/^::ffff:/, "");
    const address = parseIpv4(text);
    if (address === undefined)
      throw new DatapathError(
        "DATAPATH_BAD_INPUT",
        `"${text}" is not an IPv4 address; dial the peer by its IPv4 address`,
      );
    this.#common = common;
    this.#kernel = { link: id, peer: peer.name, address: text, protection };
    this.#sessionKey = link.sessionKey && sharedCopy(link.sessionKey);
    const theirCiphers = new Set(link.remoteFeatures[AEAD_FEATURE]?.split(" "));
    parts.send({
      kind: "prepare",
      link: {
        id,
        peer: peer.name,
        uid: link.connectionUid,
        outbound: link.outbound,
        remote: { address, port: remote.port },
        sessionKey: this.#sessionKey,
        common,
        aead: parts.ciphers.find((name) => theirCiphers.has(name)) ?? FALLBACK_AEAD,
        gsoReason,
        vxlanReason,
      },
    });
    // From this moment on the peer is known to encrypt: what the kernel forwards there in plaintext ends.
    if (protection === "encrypted") void parts.kernel.open(this.#kernel);
  }

  confirm(): void {
    const { kernel, send } = this.#parts;
    const confirm = (): void => {
      if (!this.#stopped) send({ kind: "confirm", id: this.#id });
    };
    if (this.#common.includes("vxlan")) void kernel.open(this.#kernel).then(confirm, confirm);
    else confirm();
  }

  onControl(tag: number, payload: Uint8Array): void {
    const message = decodeControl(tag, payload);
    if (message === undefined || message.index >= this.#common.length) return;
    const isLegacy = this.#link.remoteFeatures.Overlays === undefined;
    const index = isLegacy ? this.#common.indexOf("sleeve") : message.index;
    const { sub } = message;
    this.#parts.send({ kind: "control", id: this.#id, index, sub, payload: new Uint8Array(message.payload) });
  }

  attributes(): Readonly<Record<string, string | number | boolean>> {
    return attributesOf(this.#parts.status(this.#id), this.#link.protection === "encrypted");
  }

  probe(): void {
    if (!this.#stopped) this.#parts.send({ kind: "probe", id: this.#id });
  }

  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#forget();
    this.#sessionKey?.fill(0);
    this.#parts.send({ kind: "stop", id: this.#id });
    this.#parts.kernel.linkEnded(this.#kernel);
  }
}

function sharedCopy(key: Uint8Array): Uint8Array {
  const copy = new Uint8Array(new SharedArrayBuffer(key.length));
  copy.set(key);
  return copy;
}

/** As `status connections` shows them. Source: docs/protocol/control.md#18.2. */
function attributesOf(
  status: LinkStatus | undefined,
  encrypted: boolean,
): Readonly<Record<string, string | number | boolean>> {
  if (status === undefined || status.overlay === "none") return { name: "sleeve", encrypted };
  const { overlay, mtu, reason, rttMs } = status;
  return {
    name: overlay,
    mtu,
    encrypted,
    reason,
    ...(rttMs === undefined ? {} : { rttMs: Math.round(rttMs * 100) / 100 }),
  };
}
