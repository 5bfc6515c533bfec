import { parsePeerName } from "@weaved/gossip-mesh";
import { type RunningMesh, systemClock, systemRandom } from "@weaved/gossip-mesh/node";
import {
  ALLOCATION_CHANNEL,
  type Allocator,
  CONSENT_CHANNEL,
  createAllocator,
  type RingOrigin,
} from "@weaved/ipam-ring";
import type { Store } from "@weaved/state-store";
import type { Settings } from "../config/options.ts";
import type { Metrics } from "../diagnostics/metrics.ts";
import type { IpamReport } from "../diagnostics/report.ts";
import type { IpamPort } from "../http/ports.ts";
import type { Logger } from "../logging.ts";
import { WeavedError } from "../values/error.ts";
import type { FirstContact } from "./first-contact.ts";
import { reclaimBy } from "./reclaim.ts";

/** What starting the allocator needs. */
export interface IpamServiceOptions {
  readonly settings: Settings;
  readonly mesh: RunningMesh;
  readonly firstContact: FirstContact;
  readonly store: Store;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** Starts the allocator on the mesh's channels; what it waits for longer than a second is said in the log. */
export async function startIpam({
  settings,
  mesh,
  firstContact,
  store,
  logger,
  metrics,
}: IpamServiceOptions): Promise<Allocator> {
  const ipam = await createAllocator({
    name: mesh.name,
    uid: mesh.uid,
    nickname: mesh.nickname,
    universe: settings["ipalloc-range"],
    init: ringOrigin(settings["ipalloc-init"], mesh, () => firstContact.unresolved()),
    clock: systemClock,
    random: systemRandom(),
    store,
    isKnownPeer: (peer) => mesh.knows(peer),
    startupPeers: () => firstContact.peers(),
    unixSeconds: () => Math.floor(Date.now() / 1000),
    exclude: settings["ipalloc-exclude"].split(",").filter((cidr) => cidr !== ""),
    logger,
    metrics,
    reservations: readReservations(settings["ipalloc-reservations"]),
    ...(settings["ipalloc-reclaim"] && { reclaim: reclaimBy(settings["ipalloc-reclaim"]) }),
    ...(settings["ipalloc-default-subnet"] && { defaultSubnet: settings["ipalloc-default-subnet"] }),
  });
  ipam.attach(mesh.openChannel(ALLOCATION_CHANNEL, ipam.gossip), mesh.openChannel(CONSENT_CHANNEL, ipam.consent));
  ipam.onWaiting(({ kind, ident, text }) => logger.info(`${kind} for ${ident} waits: ${text}`));
  mesh.onPeerGone((peer) => ipam.peerGone(peer.name));
  ipam.start();
  return ipam;
}

/** Reads `consensus[=N]`, `seed=PEER,...` or `observer`; nothing is consensus. @throws WeavedError */
export function ringOrigin(
  text: string,
  mesh: Pick<RunningMesh, "activeDirectTargets" | "status">,
  unresolved: () => readonly string[] = () => [],
): RingOrigin {
  const [kind, value] = text.split("=", 2) as [string, string | undefined];
  // Weave Net counts targets alone. Then the first host of three would decide by itself while the other two agree on another ring:
  // so peers that are known by now count too, and so do named peers whose name does not resolve yet.
  const guess = () => {
    const named = new Set([...mesh.activeDirectTargets(), ...unresolved()]);
    return Math.max(named.size + 1, mesh.status().peers.length);
  };
  if (kind === "observer" && value === undefined) return { kind: "observer" };
  if (kind === "seed" && value) {
    try {
      return { kind: "seed", peers: value.split(",").map(parsePeerName) };
    } catch (error) {
      throw new WeavedError("SETTING_INVALID", `--ipalloc-init: ${(error as Error).message}`);
    }
  }
  if (kind === "" || (kind === "consensus" && value === undefined)) return { kind: "consensus", guess };
  const peers = Number(value);
  if (kind === "consensus" && Number.isInteger(peers) && peers > 0) return { kind: "consensus", peers, guess };
  throw new WeavedError(
    "SETTING_INVALID",
    `--ipalloc-init: expected consensus[=COUNT], seed=PEER,... or observer, not "${text}"`,
  );
}

/** Reads `db.weave.local=10.32.0.10,...`; whether the addresses are of the range is the allocator's to say. @throws WeavedError */
export function readReservations(text: string): Record<string, string> {
  const pairs = text.split(",").filter((pair) => pair !== "");
  return Object.fromEntries(
    pairs.map((pair) => {
      const [name, address, ...rest] = pair.split("=").map((part) => part.trim());
      if (name && address && rest.length === 0) return [name, address];
      throw new WeavedError("SETTING_INVALID", `--ipalloc-reservations: expected NAME=ADDRESS,..., not "${pair}"`);
    }),
  );
}

/** The allocator as the control interface needs it. */
export function ipamPort(ipam: Allocator, tracker: string): IpamPort {
  return {
    defaultSubnet: ipam.defaultSubnet,
    tracker,
    allocate: (id, subnet, options) => ipam.allocate(id, subnet, options),
    claim: (id, cidr, options) => ipam.claim(id, cidr, options),
    lookup: (id, subnet) => ipam.lookup(id, subnet),
    owned: () => ipam.owned().map(({ ident, addresses }) => ({ id: ident, addresses: [...addresses] })),
    release: (id, address) => ipam.release(id, address),
    ready: (signal) => ipam.ready(signal),
    leave: () => ipam.leave(),
    takeOver: (who, signal) => ipam.reclaim(who, { signal }),
    join: () => ipam.join(),
  };
}

/** The allocator as the report shows it. */
export function ipamReport(ipam: Allocator): IpamReport {
  return structuredClone(ipam.status().report) as IpamReport;
}
