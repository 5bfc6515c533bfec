import { parseIpv4 } from "../bytes.ts";
import { commonOverlays, decodeControl, encodeControl, TAG_OVERLAY } from "../control.ts";
import { DatapathError } from "../errors.ts";
import { nameAllowsGso } from "../gso-wire.ts";
import type { Overlay, OverlayConnection, OverlayLink, PeerName } from "../types.ts";
import type { LinkStatus, OverlayName } from "./api.ts";
import type { FromWorker, ToWorker } from "./worker/protocol.ts";

/** Feature with the ciphers that `sleeve-gso` may use, best first. The original ignores it. */
export const AEAD_FEATURE = "SleeveGsoCiphers";
const FALLBACK_AEAD = "xsalsa20-poly1305";

/** What the overlay port needs of the rest. */
export interface OverlayParts {
  readonly name: PeerName;
  readonly offered: readonly OverlayName[];
  readonly ciphers: readonly string[];
  /** Why an overlay that exists is not offered. */
  readonly missing: Partial<Record<OverlayName, string>>;
  readonly send: (message: ToWorker) => void;
  readonly status: (id: number) => LinkStatus | undefined;
  /** The kernel needs an entry before the first heartbeat can leave. */
  readonly addTunnel: (peer: PeerName, address: string) => Promise<void>;
}

/** The mesh's view of the data path, and the worker's view of the mesh. */
export interface OverlayHub {
  readonly overlay: Overlay;
  /** Passes on what the worker says of a connection. */
  onWorker(message: FromWorker): void;
  /** Ends every connection: the worker is gone. */
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
        const connection = prepareLink(parts, id, link, () => links.delete(id));
        links.set(id, link);
        return connection;
      },
    },
    onWorker(message) {
      if (message.kind === "established") links.get(message.id)?.onEstablished();
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
  // A peer without the feature predates the switch: it takes sleeve's messages as plain tags.
  if (link.remoteFeatures.Overlays === undefined) link.sendControl(message.sub, message.payload);
  else link.sendControl(TAG_OVERLAY, encodeControl(message));
}

/** Overlays that serve a connection, with reasons for those that do not. */
function chooseOverlays(
  parts: OverlayParts,
  link: OverlayLink,
): { common: OverlayName[]; gsoReason: string; vxlanReason: string } {
  const theirs = link.remoteFeatures.Overlays ?? "sleeve";
  const named = commonOverlays(parts.offered, theirs) as OverlayName[];
  const gsoReason =
    parts.missing["sleeve-gso"] ??
    (named.includes("sleeve-gso") ? "a peer's name has the group bit" : "the peer has no sleeve-gso");
  const missing = parts.missing.vxlan ?? (named.includes("vxlan") ? undefined : "the peer has no vxlan");
  return { common: named, gsoReason, vxlanReason: missing ?? "the connection is encrypted, vxlan is not" };
}

function prepareLink(parts: OverlayParts, id: number, link: OverlayLink, forget: () => void): OverlayConnection {
  const { common, gsoReason, vxlanReason } = chooseOverlays(parts, link);
  if (common.length === 0) {
    throw new DatapathError(
      "DATAPATH_NO_COMMON_OVERLAY",
      `the peer offers "${link.remoteFeatures.Overlays}", we "${parts.offered.join(" ")}"`,
    );
  }
  const address = parseIpv4(link.remote.address.replace(/^::ffff:/, ""));
  if (address === undefined)
    throw new DatapathError("DATAPATH_BAD_INPUT", `"${link.remote.address}" is no IPv4 address`);
  const theirCiphers = new Set(link.remoteFeatures[AEAD_FEATURE]?.split(" "));
  const sessionKey = link.sessionKey && new Uint8Array(link.sessionKey);
  // An overlay that cannot serve keeps its index: both ends count positions in the common list.
  const usable = common.map((name) => {
    if (name === "vxlan" && sessionKey !== undefined) return "" as OverlayName;
    if (name === "sleeve-gso" && !(nameAllowsGso(parts.name) && nameAllowsGso(link.peer.name)))
      return "" as OverlayName;
    return name;
  });
  parts.send({
    kind: "prepare",
    link: {
      id,
      peer: link.peer.name,
      uid: link.connectionUid,
      outbound: link.outbound,
      remote: { address, port: link.remote.port },
      ...(sessionKey === undefined ? {} : { sessionKey }),
      common: usable,
      aead: parts.ciphers.find((name) => theirCiphers.has(name)) ?? FALLBACK_AEAD,
      gsoReason,
      vxlanReason,
    },
  });
  return {
    confirm() {
      const confirm = (): void => parts.send({ kind: "confirm", id });
      if (!usable.includes("vxlan")) confirm();
      else void parts.addTunnel(link.peer.name, link.remote.address.replace(/^::ffff:/, "")).then(confirm, confirm);
    },
    onControl(tag, payload) {
      const message = decodeControl(tag, payload);
      if (message === undefined || message.index >= common.length) return;
      const index = link.remoteFeatures.Overlays === undefined ? common.indexOf("sleeve") : message.index;
      parts.send({ kind: "control", id, index, sub: message.sub, payload: new Uint8Array(message.payload) });
    },
    attributes: () => attributesOf(parts.status(id), sessionKey !== undefined),
    stop() {
      forget();
      parts.send({ kind: "stop", id });
    },
  };
}

/** As `status connections` shows them. Source: protocol notes 18.2. */
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
