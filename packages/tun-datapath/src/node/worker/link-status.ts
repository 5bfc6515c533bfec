import { formatIpv4 } from "../../bytes.ts";
import type { OverlayName } from "../api.ts";
import type { Link } from "./link.ts";
import type { WorkerLinkStatus } from "./protocol.ts";

/** Which overlay serves a link now, and why: for people. */
export function linkStatus(link: Link): WorkerLinkStatus {
  const { overlay, reason } = choose(link);
  const { sleeve, gso, vxlan } = link;
  const address = sleeve?.address || gso?.address || 0;
  const rtt = overlay === "vxlan" ? vxlan?.rttMs : (gso?.rttMs ?? sleeve?.rttMs);
  return {
    id: link.id,
    peer: link.peer,
    overlay,
    reason,
    established: link.established,
    encrypted: link.keys !== undefined,
    mtu: overlay === "vxlan" ? (vxlan?.mtu ?? 0) : overlay === "sleeve-gso" ? 65_535 : (sleeve?.mtu ?? 0),
    ...(rtt === undefined ? {} : { rttMs: rtt }),
    loss: gso?.loss ?? 0,
    remote: address === 0 ? "" : `${formatIpv4(address)}:${sleeve?.remotePort || gso?.remotePort}`,
    framesIn: link.framesIn,
    framesOut: link.framesOut,
  };
}

function choose({ vxlan, gso, sleeve, vxlanReason, gsoReason, keys }: Link): {
  overlay: OverlayName | "none";
  reason: string;
} {
  if (vxlan?.established) return { overlay: "vxlan", reason: "vxlan: kernel has it, plain connection, one hop" };
  const noVxlan =
    vxlan === undefined
      ? vxlanReason
      : vxlan.everEstablished
        ? "vxlan heartbeats are lost"
        : "no vxlan heartbeat came through yet";
  if (gso?.established)
    return { overlay: "sleeve-gso", reason: `sleeve-gso: super-frames pass${keys ? ", encrypted" : ""}; ${noVxlan}` };
  const noGso =
    gso === undefined
      ? gsoReason
      : gso.everEstablished
        ? "super-frames are lost"
        : "no super-frame made the round trip yet";
  if (sleeve?.established) return { overlay: "sleeve", reason: `sleeve: ${noGso}; ${noVxlan}` };
  return { overlay: "none", reason: "no heartbeat was acknowledged yet" };
}
