/** A connection as its overlay sees it. */

import { toMeshError } from "../errors.ts";
import type { Overlay, OverlayConnection, OverlayLink } from "../ports.ts";
import type { Connection } from "./connection.ts";

/**
 * Lets the overlay take part in a connection.
 *
 * @param establish - called when frames pass
 * @throws MeshError MESH_OVERLAY if it refuses
 */
export function prepareOverlay(overlay: Overlay, connection: Connection, establish: () => void): OverlayConnection {
  const { name, nickname, uid, shortId } = connection.remote!;
  const { sessionKey, stream, origin, protection } = connection;
  const link: OverlayLink = {
    peer: { name, nickname, uid, ...(shortId === undefined ? {} : { shortId }) },
    connectionUid: connection.uid,
    outbound: origin.outbound,
    local: stream.local,
    remote: stream.remote,
    protection,
    ...(protection === "encrypted" ? { sessionKey: sessionKey! } : {}),
    remoteFeatures: connection.remoteFeatures,
    sendControl: (tag, payload) => void connection.trySend(Uint8Array.from([tag, ...payload])),
    onEstablished: establish,
    onHeard: () => connection.resumed(),
    onError: (error) => connection.end(toMeshError(error, "MESH_OVERLAY")),
  };
  try {
    return overlay.prepare(link);
  } catch (error) {
    throw toMeshError(error, "MESH_OVERLAY");
  }
}
